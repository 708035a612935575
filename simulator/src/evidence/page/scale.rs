//! From figures to places on the page.

/// A linear scale from `0..=top` to a length in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    pub(super) top: f64,
    pub(super) length: f64,
}

impl Scale {
    /// A scale that ends at a round figure at or above `highest`.
    pub(super) fn round(highest: f64, length: f64) -> Self {
        let highest = if highest.is_finite() && highest > 0.0 { highest } else { 1.0 };
        let step = step(highest, 5.0);
        Scale { top: (highest / step).ceil() * step, length }
    }

    /// A scale that ends exactly at `top`.
    pub(super) fn exact(top: f64, length: f64) -> Self {
        Scale { top: if top.is_finite() && top > 0.0 { top } else { 1.0 }, length }
    }

    /// The place of a figure, in pixels from zero; what lies beyond is put at the end.
    pub(super) fn at(&self, value: f64) -> f64 {
        if value.is_nan() { 0.0 } else { (value / self.top).clamp(0.0, 1.0) * self.length }
    }

    /// Round figures along the scale, zero included.
    pub(super) fn ticks(&self) -> Vec<f64> {
        self.ticks_in(5.0)
    }

    /// Round figures that divide the scale into about so many parts.
    pub(super) fn ticks_in(&self, parts: f64) -> Vec<f64> {
        let step = step(self.top, parts);
        let count = (self.top / step + 1e-9).floor() as u32;
        (0..=count).map(|i| f64::from(i) * step).collect()
    }
}

/// A round step that divides `0..=highest` into at most so many parts.
fn step(highest: f64, parts: f64) -> f64 {
    let rough = highest / parts;
    let power = 10f64.powf(rough.log10().floor());
    let part = [1.0, 2.0, 5.0, 10.0].into_iter().find(|part| part * power >= rough * 0.999);
    part.unwrap_or(10.0) * power
}

/// A coordinate with one decimal, which is finer than any screen.
pub(super) fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_reach_the_end() {
        assert_eq!(Scale::round(83.0, 100.0).ticks(), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(Scale::round(1_000.0, 100.0).ticks(), [0.0, 200.0, 400.0, 600.0, 800.0, 1_000.0]);
        assert_eq!(Scale::round(f64::NAN, 100.0).top, 1.0);
    }

    #[test]
    fn places_stay_on_the_page() {
        let scale = Scale::exact(10.0, 100.0);
        assert_eq!(
            [scale.at(-1.0), scale.at(5.0), scale.at(99.0), scale.at(f64::NAN)],
            [0.0, 50.0, 100.0, 0.0]
        );
        assert_eq!([px(12.0), px(12.34)], ["12", "12.3"]);
    }
}
