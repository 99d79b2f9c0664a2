"""Makes the fonts of this folder from Inter 4.1 (https://rsms.me/inter, the npm package inter-ui, unpacked beside this file):
Latin, Greek, Cyrillic and some signs; figures of one width; no kerning and no ligatures, so that the width of a text is the
sum of its letters'. Needs fonttools and brotli. They have a name of their own, since they are not quite Inter."""

from fontTools.ttLib import TTFont
from fontTools import subset

chars = list(range(0x20, 0x7F)) + list(range(0xA0, 0x180)) + list(range(0x384, 0x3CF)) + list(range(0x400, 0x460))
chars += [ord(letter) for letter in "–—‘’“”„†•…‰′″€−×÷±≈≠≤≥∞√→←↑↓↗↘·✓✗▲▼◆●■□○△"]

for weight in ["Regular", "SemiBold"]:
    font = TTFont(f"package/web/Inter-{weight}.woff2")
    order = set(font.getGlyphOrder())
    for table in font["cmap"].tables:
        if table.isUnicode():
            for digit in range(0x30, 0x3A):
                fixed = table.cmap.get(digit, "") + ".tf"
                if fixed in order:
                    table.cmap[digit] = fixed
    options = subset.Options()
    options.layout_features = []
    options.hinting = False
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.notdef_outline = True
    options.glyph_names = False
    options.drop_tables += ["GPOS", "GSUB", "GDEF", "DSIG", "STAT", "meta"]
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=chars)
    subsetter.subset(font)
    style = "Regular" if weight == "Regular" else "Bold"
    names = {1: "Kneepoint Sans", 2: style, 3: f"KneepointSans-{weight}", 4: f"Kneepoint Sans {weight}", 6: f"KneepointSans-{weight}"}
    for number, name in names.items():
        font["name"].setName(name, number, 3, 1, 0x409)
    font["OS/2"].usWeightClass = 400 if weight == "Regular" else 600
    font.flavor = None
    font.save(f"KneepointSans-{weight}.ttf")
    font.flavor = "woff2"
    font.save(f"KneepointSans-{weight}.woff2")
