//! Bar charts as SVG, by hand: a few rectangles and texts need no library.

use std::fmt::Write as _;

use crate::report::number;

/// One bar.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    /// What stands beside it.
    pub(crate) label: String,
    /// How long it is.
    pub(crate) value: f64,
    /// Whether it is ours; ours have the colour.
    pub(crate) ours: bool,
}

/// Bars that belong together, such as those of one number of writers.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// What stands above them.
    pub(crate) label: String,
    /// From top to bottom.
    pub(crate) bars: Vec<Bar>,
}

const WIDTH: f64 = 760.0;
const LABELS_WIDTH: f64 = 210.0;
const NUMBERS_WIDTH: f64 = 90.0;
const BAR_HEIGHT: f64 = 20.0;
const GROUP_GAP: f64 = 30.0;

/// Horizontal bars in groups; all have one scale.
pub(crate) fn bars(title: &str, unit: &str, groups: &[Group]) -> String {
    let longest = groups.iter().flat_map(|group| &group.bars).map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
    let rows: f64 = groups.iter().map(|group| GROUP_GAP + BAR_HEIGHT * count(group.bars.len())).sum();
    let height = 50.0 + rows;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"13\" fill=\"#333\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"12\" y=\"26\" font-size=\"16\" font-weight=\"bold\">{}</text>\n",
        escaped(title)
    );
    let mut y = 44.0;
    for group in groups {
        y += GROUP_GAP - 8.0;
        // Writing to a String cannot fail.
        let _ = writeln!(svg, "<text x=\"12\" y=\"{}\" font-weight=\"bold\">{}</text>", y - 4.0, escaped(&group.label));
        for bar in &group.bars {
            let width = (bar.value / longest * (WIDTH - LABELS_WIDTH - NUMBERS_WIDTH)).max(1.0);
            let colour = if bar.ours { "#1f7a5c" } else { "#b9c0c7" };
            let text_y = y + BAR_HEIGHT - 6.0;
            let _ = writeln!(
                svg,
                "<text x=\"{}\" y=\"{text_y}\" text-anchor=\"end\">{}</text>\
                 <rect x=\"{LABELS_WIDTH}\" y=\"{}\" width=\"{width:.1}\" height=\"{}\" fill=\"{colour}\"/>\
                 <text x=\"{:.1}\" y=\"{text_y}\">{} {}</text>",
                LABELS_WIDTH - 8.0,
                escaped(&bar.label),
                y + 2.0,
                BAR_HEIGHT - 4.0,
                LABELS_WIDTH + width + 6.0,
                number(bar.value),
                escaped(unit)
            );
            y += BAR_HEIGHT;
        }
        y += 8.0;
    }
    svg.push_str("</svg>\n");
    svg
}

#[expect(clippy::cast_precision_loss, reason = "a handful of bars")]
fn count(bars: usize) -> f64 {
    bars as f64
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_takes_the_whole_width_and_others_their_share() {
        let bar = |label: &str, value, ours| Bar { label: label.to_owned(), value, ours };
        let bars_of_64 = vec![bar("dualgrid", 40_000.0, true), bar("esrs <0.18>", 10_000.0, false)];
        let svg = bars("Appends", "/s", &[Group { label: "64 writers".to_owned(), bars: bars_of_64 }]);
        assert!(svg.contains("width=\"460.0\"") && svg.contains("width=\"115.0\""), "{svg}");
        assert!(svg.contains("esrs &lt;0.18&gt;") && svg.contains("40,000 /s"), "{svg}");
    }
}
