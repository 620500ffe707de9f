//! From the bytes of a file to named cells: encoding, separator, header, comments, what spreadsheets leave.

use crate::error::{Error, Result};

/// The cells of a file, with what the reader should be told.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cells {
    /// Line of the header.
    pub header_line: u64,
    /// Column names as written, without the mark of a header.
    pub header: Vec<String>,
    /// Line of each row.
    pub lines: Vec<u64>,
    /// Rows, one cell per column.
    pub rows: Vec<Vec<String>>,
    pub warnings: Vec<String>,
}

/// Marks at the start of a line that is no record; a header may carry one.
const MARKS: [char; 2] = ['#', '@'];

/// Rows of a data set at most: their answers stay below a gigabyte.
const MAX_ROWS: usize = 100_000;

/// Cells that hold nothing.
pub(super) fn is_missing(text: &str) -> bool {
    const MISSING: [&str; 7] = ["NA", "N/A", "#N/A", "NaN", "NULL", "None", "missing"];
    let text = text.trim();
    text.is_empty() || text == "." || MISSING.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Reads the text of a file: UTF-8, UTF-16, else Latin-1 with a warning.
pub(super) fn decode(name: &str, bytes: &[u8]) -> Result<(String, Option<String>)> {
    let refuse = |problem: String| {
        Error::input(
            name,
            problem,
            "save the file as CSV in UTF-8 (a spreadsheet offers `CSV UTF-8`)",
        )
    };
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        char::decode_utf16(units)
            .collect::<std::result::Result<String, _>>()
            .map_err(|_| refuse("the file is no valid UTF-16".to_owned()))
    };
    let (text, warning) = match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
            return Err(refuse("the file is in UTF-32".to_owned()));
        }
        [0xff, 0xfe, rest @ ..] => (utf16(rest, u16::from_le_bytes)?, None),
        [0xfe, 0xff, rest @ ..] => (utf16(rest, u16::from_be_bytes)?, None),
        [first, 0, ..] if *first != 0 => (utf16(bytes, u16::from_le_bytes)?, None),
        [0, second, ..] if *second != 0 => (utf16(bytes, u16::from_be_bytes)?, None),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => (text.to_owned(), None),
            Err(error) => {
                let start = &bytes[..error.valid_up_to()];
                let line = 1 + start.iter().filter(|byte| **byte == b'\n').count();
                if let Some(byte) = bytes.iter().find(|byte| (0x80..0xa0).contains(*byte)) {
                    return Err(refuse(format!(
                        "the file is neither UTF-8 nor UTF-16 nor Latin-1: line {line}, byte 0x{byte:02x}"
                    )));
                }
                let warning = format!("{name}:{line}: no UTF-8; the file is read as Latin-1");
                let text = bytes.iter().map(|byte| char::from(*byte)).collect();
                (text, Some(warning))
            }
        },
    };
    if text.contains('\0') {
        return Err(refuse("this is no text file".to_owned()));
    }
    Ok((text, warning))
}

/// Reads header and rows of a text; `is_time` tells the column without which there is no data set.
pub(super) fn read(name: &str, text: &str, is_time: impl Fn(&str) -> bool) -> Result<Cells> {
    let mut text = text.trim_start_matches('\u{feff}').to_owned();
    if !text.contains('\n') {
        // Line ends of old.
        text = text.replace('\r', "\n");
    }
    let header = find_header(name, &text, is_time)?;
    let mut cells = Cells {
        header_line: header.line,
        header: header.names,
        lines: Vec::new(),
        rows: Vec::new(),
        warnings: Vec::new(),
    };
    let body = &text[header.end..];
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(header.delimiter)
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(body.as_bytes());
    for record in reader.records() {
        let record = record.map_err(|error| unreadable(name, header.line, &error))?;
        let line = header.line
            + record
                .position()
                .map_or(0, |position| line_of(body, position));
        cells.push(name, line, &record)?;
    }
    cells.drop_empty_columns(name)?;
    cells.drop_comments(name)?;
    if cells.rows.is_empty() {
        return Err(Error::input(
            name,
            "there is no record",
            "below the header stands one record per line",
        ));
    }
    Ok(cells)
}

/// The header of a text, and where the rows begin.
struct Header {
    line: u64,
    names: Vec<String>,
    delimiter: u8,
    end: usize,
}

/// The first line that is no comment, unless only a marked line above it names the time.
fn find_header(name: &str, text: &str, is_time: impl Fn(&str) -> bool) -> Result<Header> {
    let mut marked = None;
    let mut end = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        end += line.len();
        let bare = line.trim().trim_start_matches('"');
        if bare.trim_matches([',', '\t', ';', ' ', '"']).is_empty() {
            continue;
        }
        let header = header(name, index as u64 + 1, line, end)?;
        let named = header.names.iter().any(|name| is_time(name));
        if bare.starts_with(MARKS) {
            if named {
                marked = Some(header);
            }
            continue;
        }
        return match marked {
            Some(marked) if !named => Ok(marked),
            _ if header.names.len() == 1 && !named => Err(separators(name, &header)),
            _ => Ok(header),
        };
    }
    marked.ok_or_else(|| {
        Error::input(
            name,
            "there is no header",
            "the first line names the columns, separated by commas: ID,TIME,AMT,EVID,CMT,RATE,II,ADDL,SS,DV,MDV",
        )
    })
}

fn header(name: &str, line: u64, text: &str, end: usize) -> Result<Header> {
    let delimiter = if text.contains(',') || !text.contains('\t') {
        b','
    } else {
        b'\t'
    };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut names: Vec<String> = Vec::new();
    if let Some(record) = reader.records().next() {
        let record = record.map_err(|error| unreadable(name, line - 1, &error))?;
        names.extend(record.iter().map(str::to_owned));
    }
    if let Some(first) = names.first_mut() {
        *first = first.trim_start_matches(MARKS).trim().to_owned();
    }
    Ok(Header {
        line,
        names,
        delimiter,
        end,
    })
}

/// A header of one name that is not the time.
fn separators(name: &str, header: &Header) -> Error {
    let only = &header.names[0];
    if only.contains([';', ' ']) {
        return Error::input(
            format!("{name}:{}", header.line),
            "the columns are not separated by commas",
            "write a comma or a tabulator between columns and a point in decimal numbers",
        );
    }
    Error::input(
        name,
        format!("there is no column TIME, only `{only}`"),
        "the first line names the columns, separated by commas: ID,TIME,AMT,EVID,CMT,RATE,II,ADDL,SS,DV,MDV",
    )
}

fn unreadable(name: &str, above: u64, error: &csv::Error) -> Error {
    let line = above + error.position().map_or(1, csv::Position::line);
    Error::input(
        format!("{name}:{line}"),
        format!("the line cannot be read as CSV: {error}"),
        "separate cells by commas and quote cells that contain commas",
    )
}

/// Line of the record that is read from `position` on: empty lines and comments come before it.
fn line_of(text: &str, position: &csv::Position) -> u64 {
    let start = usize::try_from(position.byte()).unwrap_or_default();
    let rest = text.get(start..).unwrap_or_default();
    let skipped = rest
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with('#'))
        .count();
    position.line() + skipped as u64
}

/// Whether a row is a comment by the mark of its first cell.
fn is_comment(first: &str) -> bool {
    first.starts_with(MARKS)
        || first.eq_ignore_ascii_case("C")
        || first
            .get(..2)
            .is_some_and(|start| start.eq_ignore_ascii_case("C "))
}

impl Cells {
    /// Takes a row; empty ones, and marked ones, are no data.
    fn push(&mut self, name: &str, line: u64, record: &csv::StringRecord) -> Result<()> {
        let width = self.header.len();
        let empty = |cell: &str| cell.is_empty();
        let first = record.get(0).unwrap_or_default();
        let commented = self.comment_column() != Some(0) && is_comment(first);
        if record.iter().all(empty) || commented {
            return Ok(());
        }
        let named = 1 + self
            .header
            .iter()
            .rposition(|name| !name.is_empty())
            .unwrap_or(0);
        let beyond = record.iter().skip(width);
        if record.len() < named || !beyond.into_iter().all(empty) {
            return Err(Error::input(
                format!("{name}:{line}"),
                format!("the line has {} cells, the header {width}", record.len()),
                "give every line as many cells as the header; `.` stands for a missing one",
            ));
        }
        if self.rows.len() == MAX_ROWS {
            return Err(Error::input(
                format!("{name}:{line}"),
                format!("the data set has more than {MAX_ROWS} records"),
                "split it by subjects: subjects do not depend on each other",
            ));
        }
        let mut cells: Vec<String> = record.iter().take(width).map(str::to_owned).collect();
        cells.resize(width, String::new());
        self.lines.push(line);
        self.rows.push(cells);
        Ok(())
    }

    /// Columns without a name are dropped where they hold nothing.
    fn drop_empty_columns(&mut self, name: &str) -> Result<()> {
        for column in (0..self.header.len()).rev() {
            if !self.header[column].is_empty() {
                continue;
            }
            if let Some(row) = (0..self.rows.len()).find(|row| !self.rows[*row][column].is_empty())
            {
                return Err(Error::input(
                    format!("{name}:{}, column {}", self.header_line, column + 1),
                    format!(
                        "the column has no name, but line {} holds `{}`",
                        self.lines[row], self.rows[row][column]
                    ),
                    "name the column, or leave it out (row names: `row.names = FALSE` in R, `index=False` in pandas)",
                ));
            }
            self.header.remove(column);
            for row in &mut self.rows {
                row.remove(column);
            }
        }
        Ok(())
    }

    /// The column C of NONMEM's IGNORE=C.
    fn comment_column(&self) -> Option<usize> {
        let mut names = self.header.iter();
        names.position(|name| name.eq_ignore_ascii_case("C"))
    }

    /// Leaves out the rows that column C marks.
    fn drop_comments(&mut self, name: &str) -> Result<()> {
        let Some(column) = self.comment_column() else {
            return Ok(());
        };
        let place = format!("{name}:{}, column {} (C)", self.header_line, column + 1);
        let marked = |row: &[String]| {
            let first = row[column].chars().next();
            first.is_some_and(|first| first.eq_ignore_ascii_case(&'C') || MARKS.contains(&first))
        };
        let other = self
            .rows
            .iter()
            .find(|row| !marked(row) && !is_missing(&row[column]));
        if let Some(row) = other {
            self.warnings.push(format!(
                "{place}: `{}` is no mark of a comment; rows are left out where C holds `C`",
                row[column]
            ));
        }
        let keep: Vec<bool> = self.rows.iter().map(|row| !marked(row)).collect();
        let left_out = keep.iter().filter(|keep| !**keep).count();
        if left_out > 0 {
            self.warnings.push(format!(
                "{place}: rows that are comments and left out: {left_out}"
            ));
        }
        let mut kept = keep.iter();
        self.lines.retain(|_| *kept.next().unwrap_or(&true));
        let mut kept = keep.iter();
        self.rows.retain(|_| *kept.next().unwrap_or(&true));
        Ok(())
    }
}
