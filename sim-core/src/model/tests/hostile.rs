//! Texts that mean no good: each gives an error, none a panic or a long wait.

use super::mistakes::SMALL;
use super::*;

#[test]
fn files_that_are_no_models_are_told() {
    let deep_json = format!("{}1{}", "{\"a\":".repeat(5000), "}".repeat(5000));
    let deep_list = format!("{{\"a\": {}", "[".repeat(100_000));
    let deep_yaml = format!("a: {}", "[".repeat(5000));
    let deep_block: String = (0..200).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let bomb = {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_string();
        for level in 1..30 {
            let items = vec![format!("*a{}", level - 1); 10].join(", ");
            text += &format!("a{level}: &a{level} [{items}]\n");
        }
        text
    };
    let long_key = format!("{{\"{}\": 1}}", "k".repeat(1000));
    for (text, part) in [
        ("", "the file is empty"),
        (" \n\t\n", "the file is empty"),
        ("\u{feff}", "the file is empty"),
        ("# only a comment\n", "the file is empty"),
        ("{", "no JSON"),
        ("{\"format\": 1,}", "no JSON"),
        ("{\"format\": 01}", "no JSON"),
        ("{\"format\": NaN}", "no JSON"),
        ("{\"format\": 1} x", "no JSON"),
        ("{\"format\": 1e400}", "format: found 1e400"),
        ("{\"format\": \"\\ud800\"}", "no JSON"),
        ("{\"format\": 1, \"format\": 2}", "format: found twice"),
        ("format: 1\nformat: 2", "format: found twice"),
        ("[1, 2]", "found a list"),
        ("hello", "found \"hello\""),
        ("a: b: c", "no YAML"),
        ("a: [", "no YAML"),
        ("a: *b", "no YAML"),
        ("a: &a [*a]", "an alias of something that is not there yet"),
        ("a: !!binary x", "the tag"),
        ("? [a]\n: b", "a list or a map as a key"),
        ("--- {a: 1}\n--- {b: 2}", "a second document"),
        ("a: \u{0}", "control characters"),
        ("\u{1}\u{2}\u{3}", "control characters"),
        (&deep_json, "more than 64"),
        (&deep_list, "no JSON"),
        (&deep_yaml, "more than 64"),
        (&deep_block, "more than 64"),
        (&bomb, "the aliases make the document too large"),
        (&long_key, "is too long"),
        ("format: 1\n<<: 5", "<<: unknown field"),
        ("a: { b: exp(4ms, cv=1), c: 1 }", "a.b: found \"exp(4ms\": inside { } a comma ends a value"),
        ("a: { b: mix(9% f(1), 1% g(2)) }", "it in quotes: \"mix(9% f(1), 1% g(2))\""),
    ] {
        let all = outcome(text);
        assert!(
            all.iter().any(|told| told.contains(part)),
            "{} gives {all:?}",
            text.chars().take(40).collect::<String>()
        );
    }
}

#[test]
fn bytes_that_are_no_text_are_told() {
    for (bytes, part) in [
        (&[0x1f, 0x8b, 8, 0][..], "compressed"),
        (&[0xff, 0xfe, b'{', 0][..], "UTF-16"),
        (&[b'a', b'\n', 0x80][..], "byte 2 is no UTF-8"),
    ] {
        let wrong = Document::text_of(bytes).expect_err("is no text").to_string();
        assert!(wrong.contains(part), "{wrong}");
    }
    assert_eq!(Document::text_of("größe".as_bytes()), Ok("größe"));
}

#[test]
fn aliases_and_json_in_yaml_are_read() {
    let text = SMALL.replacen("cpu: 2ms }, { call", "cpu: &work 2ms }, { call", 1).replacen(
        "save: [ { cpu: 2ms }",
        "save: [ { cpu: *work }",
        1,
    );
    assert_eq!(outcome(&text), [] as [&str; 0]);
    assert_eq!(outcome(&format!("\u{feff}---\n{SMALL}...\n")), [] as [&str; 0]);
    let json = read(SMALL).expect("is right").0.document.root.to_string();
    assert_eq!(outcome(&json), [] as [&str; 0]);
    assert_eq!(Model::parse(&json, "m.yaml", &[], &NoFiles).map(|_| ()).map_err(told), Ok(()));
}

#[test]
fn many_mistakes_take_no_long_time() {
    let fields: String = (0..20_000).map(|number| format!("\"f{number}\": 1,")).collect();
    let text = format!("{{{fields} \"format\": 1}}");
    assert!(outcome(&text).len() <= 1001);
}

/// A small generator of its own: tests must not depend on the engine's streams.
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// Random bytes, and right models with random damage: whatever comes, reading ends in a model or in mistakes.
#[test]
fn any_text_gives_a_model_or_mistakes() {
    const BITS: [&str; 48] = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "'",
        "\n",
        " ",
        "-",
        "- ",
        "&a ",
        "*a",
        "!",
        "|",
        ">",
        "%",
        "@",
        "#",
        "null",
        "true",
        "1e400",
        "-1",
        "0",
        "99999999999999999999",
        "1/s",
        "20ms",
        "exp(",
        "zipf(",
        "web",
        "web[0]",
        "like: web",
        "like: other",
        "to: ",
        "call: ",
        "\\",
        "\u{0}",
        "é",
        "\u{2028}",
        "<",
        "=",
        "p99",
        "(",
        ")",
        "mix(1% 2ms",
        "shard[1]",
        "..",
    ];
    let mut draws = Draws(0x9e37_79b9_7f4a_7c15);
    let json = read(WEB_SHOP).expect("is right").0.document.root.to_string();
    for round in 0..6000 {
        let base = [SMALL, WEB_SHOP, &json][round % 3];
        let mut text = if round % 7 == 0 { String::new() } else { base.to_string() };
        for _ in 0..1 + draws.below(6) {
            let mut at = draws.below(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            let mut end = (at + draws.below(12)).min(text.len());
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            match draws.below(3) {
                0 => text.replace_range(at..end.max(at), ""),
                1 => text.insert_str(at, BITS[draws.below(BITS.len())]),
                _ => {
                    let piece = text[at..end.max(at)].to_string();
                    text.insert_str(at, &piece);
                }
            }
        }
        let sets = [("web.replicas".to_string(), BITS[draws.below(BITS.len())].to_string())];
        let sets = if round % 5 == 0 { &sets[..] } else { &[] };
        match Model::parse(&text, ["", "m.yaml", "m.json"][round % 3], sets, &NoFiles) {
            Ok((model, _)) => drop(model.digest()),
            Err(mistakes) => assert!(mistakes.has_errors(), "{text}"),
        }
    }
}

#[test]
fn any_bytes_give_text_or_mistakes() {
    let mut draws = Draws(7);
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..draws.below(60)).map(|_| draws.below(256) as u8).collect();
        if let Ok(text) = Document::text_of(&bytes) {
            drop(read(text));
        }
        let printable: String = bytes.iter().map(|byte| char::from(byte % 96 + 32)).collect();
        drop(read(&printable));
    }
}
