"""The report in a browser: no error, nothing loaded, drawings and links in place, on a phone and on a desk.

usage: report_check.py HIF_SWITCH CHROMIUM WORKDIR
"""

import html
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# Runs in the page, whose own text has no script.
PROBE = """
<script>
addEventListener("load", () => {
  const box = (e) => e.getBoundingClientRect();
  const links = [...document.querySelectorAll("a")];
  const broken = links.filter((a) => !document.getElementById(a.hash.slice(1))).map((a) => a.href);
  document.querySelectorAll("details").forEach((d) => { d.open = true; });
  const found = {
    width: innerWidth,
    page: document.documentElement.scrollWidth,
    loaded: performance.getEntriesByType("resource").length,
    links: links.length,
    broken,
    drawings: [...document.querySelectorAll("figure svg")].map((e) => [box(e).width, box(e).height]),
    headings: document.querySelectorAll("h2").length,
    rows: document.querySelectorAll("tbody tr").length,
    claims: document.querySelectorAll("tr[id^=claim-]").length,
    targets: document.querySelectorAll("#validation tr[id^=target-]").length,
    narrow: [...document.querySelectorAll("p, li, h1, h2, h3")].filter((e) => box(e).right > innerWidth + 1).length,
    jumps: links.slice(0, 40).every((a) => { a.click(); return location.hash === a.hash; }),
  };
  const out = document.createElement("pre");
  out.id = "probe";
  out.textContent = JSON.stringify(found);
  document.body.append(out);
});
</script>
"""


# Further arguments that make a command of the report short. The main job, which has no name, takes seconds.
SHORTER = {
    "claims": ["C40"],
    "compare": ["--arm", "sorafenib", "--out", "compared"],
    "validate": ["hif", "--draws", "0", "--subjects", "0"],
}


def browse(chromium, address, width, height, *further):
    with tempfile.TemporaryDirectory() as profile:
        command = [
            chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={profile}", f"--window-size={width},{height}", "--virtual-time-budget=5000",
            "--enable-logging=stderr", *further, address,
        ]
        return subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8", timeout=120)


def main():
    program, chromium, folder = str(Path(sys.argv[1]).resolve()), sys.argv[2], Path(sys.argv[3]).resolve()
    report = folder / "report.html"
    subprocess.run([program, "report", "--quiet", "--out", str(report)], check=True)
    text = report.read_text(encoding="utf-8")
    probed = folder / "probed.html"
    probed.write_text(text.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    for width, height in ((390, 844), (1280, 900)):
        # A frame has the width that it is given; a window of the browser has a least width.
        frame = folder / f"frame-{width}.html"
        frame.write_text(
            f'<iframe src="probed.html" width="{width}" height="{height}" style="border:0"></iframe>'
            '<script>const w=()=>{const p=document.querySelector("iframe").contentDocument?.getElementById("probe");'
            'if(p)document.body.append(p.cloneNode(true));else setTimeout(w,100)};w()</script>'
        )
        result = browse(chromium, frame.as_uri(), 1400, 1000, "--allow-file-access-from-files", "--dump-dom")
        console = [line for line in result.stderr.splitlines() if "CONSOLE" in line]
        found = re.search(r'<pre id="probe">(.*?)</pre>', result.stdout, re.S)
        assert found, f"the page did not finish at width {width}: {result.stderr[-2000:]}"
        probe = json.loads(html.unescape(found.group(1)))
        assert not console, console
        assert probe["width"] == width, probe
        assert probe["page"] <= width, f"the page is wider than the screen: {probe}"
        assert probe["loaded"] == 0 and probe["narrow"] == 0, probe
        assert probe["links"] > 100 and not probe["broken"] and probe["jumps"], probe
        assert len(probe["drawings"]) >= 9 and all(w > 300 and h > 200 for w, h in probe["drawings"]), probe
        assert probe["headings"] >= 6 and probe["rows"] > 700 and probe["claims"] > 100, probe
        assert probe["targets"] > 40, probe
        print(f"report at {width} px: {probe['links']} links, {len(probe['drawings'])} drawings, {probe['rows']} rows, no error")
    pdf = folder / "report.pdf"
    browse(chromium, report.as_uri(), 1280, 900, "--no-pdf-header-footer", f"--print-to-pdf={pdf}")
    assert pdf.read_bytes().startswith(b"%PDF") and pdf.stat().st_size > 100_000
    commands = {html.unescape(c) for c in re.findall(r'<code class="command">(.*?)</code>', text)}
    assert len(commands) >= 8, commands
    for command in sorted(commands):
        assert command.split()[0] == "hif-switch", command
        words = command.split()[1:]
        # Long ones are run on a part of what they do.
        part = SHORTER.get(words[0] if words else "", [])
        subprocess.run([program, *words, *part], check=True, capture_output=True, cwd=folder)
    subprocess.run([program, *"plot withdrawal --out figures".split()], check=True, capture_output=True, cwd=folder)
    assert (folder / "figures" / "plots" / "withdrawal.png").exists()
    assert (folder / "plots" / "withdrawal.png").exists() and (folder / "results" / "validation.csv").exists()
    print(f"the report prints, and names {len(commands)} commands")


main()
