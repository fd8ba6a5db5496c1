"""Makes the fonts of this folder from Debian's package fonts-inter (4.0~beta7+ds-1).

    apt-get download fonts-inter && dpkg-deb -x fonts-inter_*.deb inter
    python3 -m venv v && v/bin/pip install fonttools && v/bin/python subset.py inter/usr/share/fonts/opentype/inter

Digits, plus and minus become the tabular ones, so that a number keeps its width while it changes
(egui cannot switch OpenType features on); scripts that Inter hardly covers are left out for size.
"""

import sys

from fontTools import subset
from fontTools.ttLib import TTFont

KEPT = [(0x20, 0x7F), (0xA0, 0x250), (0x370, 0x400), (0x400, 0x530), (0x1E00, 0x1F00), (0x2009, 0x2028)]
KEPT_SINGLE = [0x202F, 0x2030, 0x2032, 0x2033, 0x2039, 0x203A, 0x20AC, 0x2116, 0x2122, 0x2190, 0x2191, 0x2192,
               0x2193, 0x2194, 0x2206, 0x2212, 0x221E, 0x2248, 0x2260, 0x2264, 0x2265, 0x2713, 0x2715]
TABULAR = [*range(0x30, 0x3A), 0x2B, 0x2212]


def tabular_glyphs(font):
    """The font's own substitutions of feature tnum: glyph name to glyph name."""
    table = font["GSUB"].table
    lookups = {i for record in table.FeatureList.FeatureRecord if record.FeatureTag == "tnum"
               for i in record.Feature.LookupListIndex}
    glyphs = {}
    for index in lookups:
        for subtable in table.LookupList.Lookup[index].SubTable:
            glyphs.update(getattr(subtable, "ExtSubTable", subtable).mapping)
    return glyphs


def make(folder, weight):
    font = TTFont(f"{folder}/Inter-{weight}.otf")
    glyphs = tabular_glyphs(font)
    for table in font["cmap"].tables:
        for code in TABULAR:
            if table.cmap.get(code) in glyphs:
                table.cmap[code] = glyphs[table.cmap[code]]
    options = subset.Options()
    options.layout_features = ["kern", "mark", "mkmk", "ccmp", "locl"]
    options.name_IDs = ["*"]
    options.notdef_outline = True
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=[c for first, end in KEPT for c in range(first, end)] + KEPT_SINGLE)
    subsetter.subset(font)
    font.save(f"Inter-{weight}-tabular.otf")


for weight in ["Regular", "Medium", "SemiBold"]:
    make(sys.argv[1], weight)
