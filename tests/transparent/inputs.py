"""What the tasks read."""

import struct
import subprocess
import zipfile

SQL = """
CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
INSERT INTO t SELECT i, 'text ' || (i * 7919 % 10007), i / 3.0 FROM n;
CREATE INDEX tb ON t(b);
SELECT b, count(*), group_concat(upper(b)) FROM t GROUP BY b ORDER BY 2 DESC, 1 LIMIT 5;
"""
STYLE = """<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:output method="text"/>
<xsl:template match="/"><xsl:for-each select="list/item[@id mod 50 = 0]"><xsl:value-of select="name"/>
<xsl:text>&#10;</xsl:text></xsl:for-each></xsl:template></xsl:stylesheet>"""
CXX = """#include <iostream>
#include <map>
#include <regex>
#include <thread>
int main() { std::map<int, std::string> m; for (int i = 0; i < 3000; i++) m[i % 97] += 'x';
  std::thread t([&] { std::cout << std::regex_replace(m[5], std::regex("x+"), "y") << m.size() << std::endl; }); t.join();
  try { throw 7; } catch (int n) { return n; } }
"""
JAVA = """import java.util.*; import java.util.stream.*;
public class Hello { public static void main(String[] a) throws Exception {
  Map<String, List<Integer>> m = IntStream.range(0, 50000).boxed().collect(Collectors.groupingBy(i -> "k" + i % 100));
  Thread[] t = new Thread[4]; long[] s = new long[4];
  for (int i = 0; i < 4; i++) { int k = i; t[i] = new Thread(() -> { for (List<Integer> l : m.values()) s[k] += l.size(); }); t[i].start(); }
  for (Thread x : t) x.join();
  System.out.println("hello " + m.size() + " " + Arrays.toString(s)); System.exit(3); } }
"""
RUST = """use std::collections::HashMap;
fn main() { let mut m: HashMap<u32, String> = HashMap::new(); for i in 0..3000 { m.entry(i % 97).or_default().push('x'); }
  let t = std::thread::spawn(move || m.values().map(|s| s.len()).sum::<usize>()); println!("{}", t.join().unwrap()); }
"""
PYTHON = """import unittest
class It(unittest.TestCase):
    def test_right(self): self.assertEqual(6 * 7, 42)
    def test_wrong(self): self.assertEqual(6 * 7, 43)
    @unittest.skip("for a reason")
    def test_skipped(self): pass
"""
PDF = b"""%PDF-1.4
1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj
2 0 obj <</Type /Pages /Kids [3 0 R] /Count 1>> endobj
3 0 obj <</Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R /Resources <</Font <</F 5 0 R>>>>>> endobj
4 0 obj <</Length 44>> stream
BT /F 24 Tf 20 100 Td (a page of text) Tj ET
endstream endobj
5 0 obj <</Type /Font /Subtype /Type1 /BaseFont /Helvetica>> endobj
trailer <</Root 1 0 R>>
"""


def write_texts(folder):
    lines = (f"line {i * 7919 % 10007} of the text, {'word ' * (i % 9)}\n" for i in range(8000))
    items = ",".join(f'{{"a": {i}, "b": "{"v" * (i % 9)}"}}' for i in range(3000))
    functions = "\n".join(f"int f{i}(int x) {{ int s = 0; for (int j = 0; j < x * {i}; j++) s += j * {i % 7} ^ x; return s; }}"
                          for i in range(200))
    texts = {
        "text": "".join(lines), "data.json": f"[{items}]", "data.csv": "".join(f"{i},n{i},{i * 7 % 31}\n" for i in range(400)),
        "data.xml": "<list>" + "".join(f'<item id="{i}"><name>n{i}</name></item>' for i in range(3000)) + "</list>", "style.xsl": STYLE,
        "page.html": "<html><head><title>t</title></head><body><h1>A page</h1>" + "<p>with <b>text</b></p>" * 20 +
                     "<script>document.body.append([...Array(500).keys()].reduce((a, b) => a + b))</script></body></html>",
        "code.c": functions, "small.c": "int f1(int x) { return x * 7; }\n#ifdef MAIN\nint main(void) { return f1(6); }\n#endif\n",
        "code.cc": CXX, "text.c": "int main(void) { return x; }\n", "code.s": ".globl f\nf: ret\n", "code.rs": RUST, "Hello.java": JAVA,
        "test_it.py": PYTHON, "load.sql": SQL,
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def write_binaries(folder):
    (folder / "files").mkdir()
    for i in range(20):
        (folder / "files" / f"f{i}").write_bytes(bytes((i * j) % 251 for j in range(2000 * (i % 7 + 1))))
    (folder / "image.ppm").write_bytes(b"P6\n160 120\n255\n" + bytes((x * y + 7 * c) % 256 for y in range(120) for x in range(160) for c in range(3)))
    samples = b"".join(struct.pack("<h", (i * i * 7 % 20000) - 10000) for i in range(16000))
    head = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16) + b"data" + struct.pack("<I", len(samples))
    (folder / "sound.wav").write_bytes(b"RIFF" + struct.pack("<I", len(head) + len(samples)) + head + samples)
    (folder / "page.pdf").write_bytes(PDF)
    with zipfile.ZipFile(folder / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(5):
            archive.writestr(zipfile.ZipInfo(f"x/f{i}"), f"text {i}\n" * 300)


def write(folder):
    folder.mkdir()
    write_texts(folder)
    write_binaries(folder)
    subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
