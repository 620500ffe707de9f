//! Elements of an XML document, built first and written at the end.

use crate::error::{Error, Result};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

/// An element with attributes and content.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    name: &'static str,
    attributes: Vec<(String, String)>,
    content: Vec<Content>,
}

#[derive(Debug, Clone, PartialEq)]
enum Content {
    Element(Element),
    Text(String),
}

impl Element {
    /// An empty element.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            attributes: Vec::new(),
            content: Vec::new(),
        }
    }

    /// With an attribute.
    pub fn with(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.attributes.push((name.to_owned(), value.to_string()));
        self
    }

    /// With an element inside.
    pub fn child(mut self, child: Self) -> Self {
        self.content.push(Content::Element(child));
        self
    }

    /// With elements inside.
    pub fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.content
            .extend(children.into_iter().map(Content::Element));
        self
    }

    /// With text inside.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.content.push(Content::Text(text.into()));
        self
    }

    /// The same with other names for the quantities of a model: in `ci`, and in the attributes that name or
    /// point to one.
    pub fn renamed(mut self, name: &impl Fn(&str) -> String) -> Self {
        const NAMING: [&str; 4] = ["id", "metaid", "symbol", "variable"];
        for (attribute, value) in &mut self.attributes {
            if NAMING.contains(&attribute.as_str()) {
                *value = name(value);
            } else if attribute == "rdf:about" {
                *value = format!("#{}", name(value.trim_start_matches('#')));
            }
        }
        let is_name = self.name == "ci";
        self.content = self
            .content
            .into_iter()
            .map(|content| match content {
                Content::Element(element) => Content::Element(element.renamed(name)),
                Content::Text(text) if is_name => Content::Text(name(&text)),
                text @ Content::Text(_) => text,
            })
            .collect();
        self
    }

    /// Whether nothing is inside.
    pub fn is_empty(&self) -> bool {
        self.content.is_empty()
    }

    /// The document with this root.
    ///
    /// # Errors
    /// Only if the writer fails.
    pub fn to_document(&self, place: &str) -> Result<String> {
        let mut writer = Writer::new_with_indent(Vec::new(), b' ', 1);
        let failed = |error: std::io::Error| Error::output(place, error);
        writer
            .write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))
            .map_err(failed)?;
        self.write(&mut writer).map_err(failed)?;
        let mut text = String::from_utf8_lossy(&writer.into_inner()).into_owned();
        text.push('\n');
        Ok(text)
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        let attributes = self.attributes.iter();
        let start = BytesStart::new(self.name)
            .with_attributes(attributes.map(|(name, value)| (name.as_str(), value.as_str())));
        if self.is_empty() {
            return writer.write_event(Event::Empty(start));
        }
        writer.write_event(Event::Start(start))?;
        for content in &self.content {
            match content {
                Content::Element(element) => element.write(writer)?,
                Content::Text(text) => writer.write_event(Event::Text(BytesText::new(text)))?,
            }
        }
        writer.write_event(Event::End(BytesEnd::new(self.name)))
    }
}
