//! How full each part was over time; without a timeline, over the whole window.

use sim_core::analysis::report::Report;
use sim_core::model::objective::Dimension;
use sim_core::model::units::humane_share;
use sim_core::scale::Scale;

use super::over_time::{known, last, name_warmup, nothing, series, shade_warmup, time_axis};
use super::paper::{Anchor, Dash};
use super::picture::Picture;
use super::sheet::{About, EndLabel, Frame, Head, MARGIN, WIDTH, end_room, named, picture};

/// More lines than this nobody can follow.
const LINES: usize = 12;

/// Draws it.
pub fn draw(report: &Report, about: &About) -> Picture {
    let mut parts: Vec<(&str, f64)> = report
        .components
        .iter()
        .filter_map(|(name, of)| Some((name.as_str(), of.utilization.filter(|share| share.is_finite())?)))
        .collect();
    parts.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    let listed: Vec<String> = parts.iter().map(|(name, share)| named(name, &humane_share(*share))).collect();
    let title = match parts.first() {
        Some((name, share)) => format!("Utilization over time: {name} is fullest, {} on average", humane_share(*share)),
        None => "Utilization over time: no part has a limit".to_owned(),
    };
    let head = Head {
        kind: "utilization",
        title,
        description: format!("Lines over time of how busy each part is. On average: {}.", listed.join(", ")),
        about,
    };
    let left_out = parts.split_off(parts.len().min(LINES));
    picture(head, 380.0, |sheet| {
        let right = WIDTH - end_room(listed.iter().take(LINES).map(String::as_str));
        let frame = Frame { left: MARGIN + 48.0, top: 28.0, right, bottom: 318.0 };
        let lines: Vec<Vec<(f64, Option<f64>)>> =
            parts.iter().map(|(name, _)| series(report, &format!("{name}.utilization"))).collect();
        let highest = lines.iter().flatten().filter_map(|(_, value)| *value).fold(0.0, f64::max);
        let y = Scale::from_zero([highest.max(1.0)].into_iter(), Dimension::Share, 5);
        let panel = sheet.panel(frame, time_axis(report), y);
        shade_warmup(&panel);
        panel.rows(Dimension::Share, "Busy share of each part's first limited resource");
        panel.columns(Dimension::Time, "time since the start of the window");
        let mut labels = Vec::new();
        // The fullest is drawn last, above the others.
        for (number, points) in lines.iter().enumerate().rev() {
            let (colour, dash) = (sheet.colour(number), Dash::ALL[(number % 6 + number / 6) % Dash::ALL.len()]);
            panel.curve(points, colour, 1.75, dash);
            let value = last(points).unwrap_or(parts[number].1);
            labels.push(EndLabel { value, text: listed[number].clone(), colour, dash });
        }
        name_warmup(&panel, &lines.iter().map(|points| known(points)).collect::<Vec<_>>(), &[]);
        panel.end_labels(&labels);
        if labels.is_empty() {
            nothing(&panel, "no part has a limit");
        }
        if let Some((_, most)) = left_out.first() {
            let text = format!("{} more parts, at most {} full", left_out.len(), humane_share(*most));
            sheet.text(frame.left, frame.bottom + 36.0, &text, sheet.small(Anchor::Start));
        }
    })
}
