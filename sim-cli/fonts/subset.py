from fontTools.ttLib import TTFont
from fontTools import subset
import sys
chars = list(range(0x20,0x7f))+list(range(0xa0,0x180))+list(range(0x384,0x3cf))+list(range(0x400,0x460))
chars += [ord(c) for c in "–—‘’“”„†•…‰′″€−×÷±≈≠≤≥∞√→←↑↓↗↘·✓✗▲▼◆●■□○△\ufffd"]
for name in ["Regular","SemiBold"]:
    f = TTFont(f"package/web/Inter-{name}.woff2")
    cmap = f.getBestCmap()
    order = set(f.getGlyphOrder())
    # tabular figures, frozen
    for t in f['cmap'].tables:
        if t.isUnicode():
            for c in list(range(0x30,0x3a))+[0x2212,0x2b,0x2e,0x2c,0x25]:
                g = t.cmap.get(c)
                if g and c in range(0x30,0x3a):
                    for s in (g+".tf", g+".tnum"):
                        if s in order: t.cmap[c]=s; break
    o = subset.Options(); o.layout_features=[]; o.hinting=False; o.name_IDs=[0,1,2,3,4,5,6,13,14,16,17]; o.notdef_outline=True; o.glyph_names=False; o.drop_tables+=['GPOS','GSUB','GDEF','DSIG','STAT','meta']
    s = subset.Subsetter(o); s.populate(unicodes=chars); s.subset(f)
    for n in list(f['name'].names):
        if n.nameID in (16,17): f['name'].removeNames(nameID=n.nameID)
    for nid,v in {1:"Kneepoint Sans",4:"Kneepoint Sans "+name,6:"KneepointSans-"+name,3:"KneepointSans-"+name, 2:"Bold" if name!="Regular" else "Regular"}.items():
        f['name'].setName(v,nid,3,1,0x409)
    f['OS/2'].usWeightClass = 400 if name=="Regular" else 600
    missing=[chr(c) for c in chars if c not in f.getBestCmap()]
    print(name,len(f.getGlyphOrder()),"missing",missing, f['head'].unitsPerEm)
    f.flavor=None; f.save(f"{name}.ttf"); f.flavor="woff2"; f.save(f"{name}.woff2")
