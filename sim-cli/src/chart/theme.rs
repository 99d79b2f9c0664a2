//! Colours: exact tokens, so that a page can give pictures inside of it others. Series differ in lightness, dash and
//! marker too: nothing is told by hue alone.

use clap::ValueEnum;

/// A colour as SVG writes it: `#0b62a4`.
pub type Colour = &'static str;

/// Which colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Theme {
    /// Dark on white.
    #[default]
    Light,
    /// Light on a dark ground.
    Dark,
}

/// The colours of a theme.
#[derive(Debug)]
pub struct Colours {
    /// The ground.
    pub paper: Colour,
    /// Titles, and what is read first.
    pub ink: Colour,
    /// What is read second: subtitles, marks of axes.
    pub soft: Colour,
    /// Axes.
    pub rule: Colour,
    /// The grid, and quiet areas.
    pub grid: Colour,
    /// Series, in order: blue, vermilion, green, purple, amber, grey (after Okabe and Ito).
    pub series: [Colour; 6],
    /// The bound of an objective.
    pub bound: Colour,
}

const LIGHT: Colours = Colours {
    paper: "#ffffff",
    ink: "#1b2733",
    soft: "#5b6876",
    rule: "#9aa7b4",
    grid: "#e6eaee",
    series: ["#0b62a4", "#d55e00", "#009e73", "#9b4f96", "#c98a00", "#6d7f8f"],
    bound: "#b3261e",
};

const DARK: Colours = Colours {
    paper: "#10161d",
    ink: "#e6edf3",
    soft: "#9fb0c0",
    rule: "#5a6a7a",
    grid: "#26313c",
    series: ["#5aaeea", "#f58a4b", "#35c597", "#d08fd0", "#e3b23c", "#93a5b5"],
    bound: "#ff8a80",
};

/// From little to much, for heat maps: light to dark, to be read in grey too. The same in both themes, as the figures on
/// it are.
pub const HEAT: [Colour; 9] =
    ["#f2f7fb", "#dcebf5", "#bfdcee", "#97c7e3", "#6aadd5", "#428fc2", "#2370ab", "#0d538c", "#083a66"];
/// Figures on the light and on the dark half of [`HEAT`].
pub const ON_HEAT: [Colour; 2] = ["#0e1c2b", "#fdfeff"];

impl Theme {
    /// Its colours.
    pub fn colours(self) -> &'static Colours {
        match self {
            Theme::Light => &LIGHT,
            Theme::Dark => &DARK,
        }
    }
}

impl Colours {
    /// All of them, each with its name for style sheets.
    fn named(&self) -> [(&'static str, Colour); 12] {
        let [blue, vermilion, green, purple, amber, grey] = self.series;
        [
            ("paper", self.paper),
            ("ink", self.ink),
            ("soft", self.soft),
            ("rule", self.rule),
            ("grid", self.grid),
            ("blue", blue),
            ("vermilion", vermilion),
            ("green", green),
            ("purple", purple),
            ("amber", amber),
            ("grey", grey),
            ("bound", self.bound),
        ]
    }
}

/// A style sheet: the colours as variables, light or dark as the reader's system is, and pictures of the light theme that
/// follow them.
pub fn style() -> String {
    let variables = |colours: &Colours| {
        colours.named().iter().fold(String::new(), |text, (name, colour)| text + &format!("--{name}:{colour};"))
    };
    let follow = LIGHT.named().iter().fold(String::new(), |text, (name, colour)| {
        text + &format!(
            "svg [fill=\"{colour}\"]{{fill:var(--{name})}}svg [stroke=\"{colour}\"]{{stroke:var(--{name})}}\n"
        )
    });
    format!(
        ":root{{color-scheme:light dark;{}}}\n@media (prefers-color-scheme:dark){{:root{{{}}}}}\n@media print{{:root{{color-scheme:light;{}}}}}\n{follow}",
        variables(&LIGHT),
        variables(&DARK),
        variables(&LIGHT),
    )
}

/// The colour of figures on a step of [`HEAT`].
pub fn on_heat(step: usize) -> Colour {
    ON_HEAT[(step > 5) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance (WCAG 2.2).
    fn luminance(colour: Colour) -> f64 {
        let part = |at: usize| {
            let value =
                f64::from(u8::from_str_radix(&colour[at..at + 2], 16).expect("a colour is hexadecimal")) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { sim_core::math::pow((value + 0.055) / 1.055, 2.4) }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    fn contrast(a: Colour, b: Colour) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn texts_and_lines_stand_out() {
        for colours in [&LIGHT, &DARK] {
            for text in [colours.ink, colours.soft, colours.bound] {
                assert!(contrast(text, colours.paper) >= 4.5, "{text} on {}", colours.paper);
            }
            for series in colours.series {
                assert!(contrast(series, colours.paper) >= 2.8, "{series} on {}", colours.paper);
            }
        }
        for (number, step) in HEAT.iter().enumerate() {
            assert!(contrast(step, on_heat(number)) >= 4.5, "{step}");
        }
    }

    #[test]
    fn tokens_are_told_apart() {
        let mut tokens: Vec<Colour> = LIGHT.named().iter().map(|(_, colour)| *colour).collect();
        tokens.extend(HEAT);
        tokens.extend(ON_HEAT);
        let count = tokens.len();
        tokens.sort_unstable();
        tokens.dedup();
        assert_eq!(tokens.len(), count, "a page changes colours by their text");
    }
}
