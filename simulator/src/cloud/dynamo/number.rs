//! DynamoDB's numbers: exact decimals of at most 38 significant digits.

use std::cmp::Ordering;
use std::fmt;

/// Significant digits a number may have.
const DIGITS_MAX: u32 = 38;
/// The most digits before the decimal point: magnitudes stay below 1E126.
const MAGNITUDE_MAX: i64 = 126;
/// The least: 1E-130 has its first digit 129 places behind the first one after the point.
const MAGNITUDE_MIN: i64 = -129;

/// `coefficient * 10^exponent`. The coefficient has no trailing zero, so equal numbers are equal field by field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    // Two halves of 128 bits: a `u128` would align every attribute value to 16 bytes.
    high: u64,
    low: u64,
    exponent: i16,
    negative: bool,
}

/// Why a text or a result is no number that can be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NumberError {
    #[error("The parameter cannot be converted to a numeric value")]
    NotNumeric,
    #[error("Attempting to store more than 38 significant digits in a Number")]
    TooPrecise,
    #[error("Number overflow. Attempting to store a number with magnitude larger than supported range")]
    Overflow,
    #[error("Number underflow. Attempting to store a number with magnitude smaller than supported range")]
    Underflow,
}

impl Number {
    pub(super) const ZERO: Number = Number { high: 0, low: 0, exponent: 0, negative: false };

    /// Reads `[+-]digits[.digits][e[+-]digits]`.
    pub(super) fn parse(text: &str) -> Result<Self, NumberError> {
        let (negative, unsigned) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            all => (false, all),
        };
        let mark = unsigned.iter().position(|byte| matches!(byte, b'e' | b'E'));
        let (digits, written_exponent) = match mark {
            Some(at) => (&unsigned[..at], exponent_of(&unsigned[at + 1..])?),
            None => (unsigned, 0),
        };
        let read = Coefficient::read(digits)?;
        let exponent = written_exponent.saturating_sub(read.fraction_digits);
        if read.value == 0 {
            // Zero is held to the range too, as if its last written digit were a 1.
            check_magnitude(exponent.saturating_add(1))?;
            return Ok(Number::ZERO);
        }
        if read.digits > DIGITS_MAX {
            return Err(NumberError::TooPrecise);
        }
        let exponent = exponent.saturating_add(read.trailing_zeros);
        check_magnitude(exponent.saturating_add(read.digits.into()))?;
        Ok(Number::of(negative, read.value, exponent))
    }

    /// Parts already within the limits.
    fn of(negative: bool, coefficient: u128, exponent: i64) -> Self {
        Number {
            high: (coefficient >> 64) as u64,
            low: coefficient as u64,
            exponent: exponent as i16,
            negative,
        }
    }

    fn coefficient(self) -> u128 {
        u128::from(self.high) << 64 | u128::from(self.low)
    }

    fn is_zero(self) -> bool {
        self.high == 0 && self.low == 0
    }

    fn digits(self) -> u32 {
        digits(self.coefficient())
    }

    /// Where the first digit stands: 1 for units, 0 for tenths.
    fn magnitude(self) -> i64 {
        i64::from(self.exponent) + i64::from(self.digits())
    }

    /// The coefficient with its first digit at the 38th place. Alike for all numbers of one magnitude.
    fn aligned(self) -> u128 {
        self.coefficient() * 10u128.pow(DIGITS_MAX - self.digits())
    }

    /// The exact sum.
    pub(super) fn add(self, other: Self) -> Result<Self, NumberError> {
        if self.is_zero() {
            return Ok(other);
        }
        if other.is_zero() {
            return Ok(self);
        }
        let (coarse, fine) = if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        let places = (i32::from(coarse.exponent) - i32::from(fine.exponent)).unsigned_abs();
        // What does not fit 128 bits has 39 digits or more, the last of which is the finer one's and no zero.
        let scaled = 10u128.checked_pow(places).and_then(|scale| coarse.coefficient().checked_mul(scale));
        let scaled = scaled.ok_or(NumberError::TooPrecise)?;
        let (negative, sum) = if coarse.negative == fine.negative {
            let sum = scaled.checked_add(fine.coefficient()).ok_or(NumberError::TooPrecise)?;
            (coarse.negative, sum)
        } else if scaled >= fine.coefficient() {
            (coarse.negative, scaled - fine.coefficient())
        } else {
            (fine.negative, fine.coefficient() - scaled)
        };
        normalized(negative, sum, fine.exponent.into())
    }

    /// The exact difference.
    pub(super) fn subtract(self, other: Self) -> Result<Self, NumberError> {
        self.add(Number { negative: !other.negative && !other.is_zero(), ..other })
    }

    /// Bytes it counts for in an item: one, and one for every two digits on either side of the point.
    pub(super) fn size(self) -> usize {
        let digits = i64::from(self.digits());
        let before = self.magnitude().clamp(0, digits);
        let pairs = (before + 1) / 2 + (digits - before + 1) / 2;
        pairs as usize + 1 + usize::from(self.negative)
    }

    /// Bytes that sort as the numbers do, always 19 of them.
    pub(super) fn sortable(self) -> [u8; 19] {
        let mut bytes = [0; 19];
        if self.is_zero() {
            bytes[0] = 1;
            return bytes;
        }
        let magnitude = (self.magnitude() + 1_000) as u16;
        bytes[1..3].copy_from_slice(&magnitude.to_be_bytes());
        bytes[3..].copy_from_slice(&self.aligned().to_be_bytes());
        if self.negative {
            bytes[1..].iter_mut().for_each(|byte| *byte = !*byte);
        } else {
            bytes[0] = 2;
        }
        bytes
    }

    /// Appends it in full, never in scientific notation.
    pub(super) fn write(self, out: &mut String) {
        if self.negative {
            out.push('-');
        }
        let mut buffer = [0; 39];
        let digits = decimal(self.coefficient(), &mut buffer);
        let point = self.magnitude();
        let zeros =
            |out: &mut String, count: i64| out.extend(std::iter::repeat_n('0', count.max(0) as usize));
        if self.is_zero() {
            out.push('0');
        } else if point <= 0 {
            out.push_str("0.");
            zeros(out, -point);
            out.push_str(digits);
        } else if let Some((before, after)) = digits.split_at_checked(point as usize) {
            out.push_str(before);
            if !after.is_empty() {
                out.push('.');
                out.push_str(after);
            }
        } else {
            out.push_str(digits);
            zeros(out, point - digits.len() as i64);
        }
    }
}

impl From<usize> for Number {
    fn from(count: usize) -> Self {
        normalized(false, count as u128, 0).unwrap_or(Number::ZERO)
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |number: &Number| match (number.is_zero(), number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let by_size = || (self.magnitude(), self.aligned()).cmp(&(other.magnitude(), other.aligned()));
        match (sign(self), sign(other)) {
            (1, 1) => by_size(),
            (-1, -1) => by_size().reverse(),
            (one, another) => one.cmp(&another),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text);
        f.write_str(&text)
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The digits of a number as they are read, leading and trailing zeros apart.
#[derive(Default)]
struct Coefficient {
    value: u128,
    digits: u32,
    trailing_zeros: i64,
    fraction_digits: i64,
}

impl Coefficient {
    fn read(text: &[u8]) -> Result<Self, NumberError> {
        let mut read = Coefficient::default();
        let (mut seen, mut point) = (false, false);
        for byte in text {
            match byte {
                b'.' if !point => point = true,
                b'0'..=b'9' => {
                    seen = true;
                    read.fraction_digits += i64::from(point);
                    read.push(byte - b'0');
                }
                _ => return Err(NumberError::NotNumeric),
            }
        }
        if seen { Ok(read) } else { Err(NumberError::NotNumeric) }
    }

    fn push(&mut self, digit: u8) {
        if digit == 0 {
            self.trailing_zeros += i64::from(self.digits > 0);
            return;
        }
        let places = self.trailing_zeros as u32 + 1;
        self.trailing_zeros = 0;
        self.digits = self.digits.saturating_add(places);
        // Wraps only where there are too many digits anyway; it must not look like zero then.
        self.value = self.value.wrapping_mul(10u128.wrapping_pow(places)).wrapping_add(digit.into()).max(1);
    }
}

fn exponent_of(text: &[u8]) -> Result<i64, NumberError> {
    let digits = text.strip_prefix(b"+").or_else(|| text.strip_prefix(b"-")).unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(NumberError::NotNumeric);
    }
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(NumberError::NotNumeric)
}

fn check_magnitude(magnitude: i64) -> Result<(), NumberError> {
    match magnitude {
        MAGNITUDE_MIN..=MAGNITUDE_MAX => Ok(()),
        more if more > MAGNITUDE_MAX => Err(NumberError::Overflow),
        _ => Err(NumberError::Underflow),
    }
}

/// A number of these parts, trailing zeros taken off, if it is one that can be stored.
fn normalized(negative: bool, mut coefficient: u128, mut exponent: i64) -> Result<Number, NumberError> {
    if coefficient == 0 {
        return Ok(Number::ZERO);
    }
    while coefficient.is_multiple_of(10) {
        coefficient /= 10;
        exponent += 1;
    }
    let digits = digits(coefficient);
    if digits > DIGITS_MAX {
        return Err(NumberError::TooPrecise);
    }
    check_magnitude(exponent + i64::from(digits))?;
    Ok(Number::of(negative, coefficient, exponent))
}

fn digits(coefficient: u128) -> u32 {
    match u64::try_from(coefficient) {
        Ok(small) => small.checked_ilog10().map_or(0, |log| log + 1),
        Err(_) => coefficient.ilog10() + 1,
    }
}

/// The decimal digits, written from the end of the buffer.
fn decimal(mut coefficient: u128, buffer: &mut [u8; 39]) -> &str {
    let mut start = buffer.len();
    while coefficient > 0 {
        start -= 1;
        buffer[start] = b'0' + (coefficient % 10) as u8;
        coefficient /= 10;
    }
    std::str::from_utf8(&buffer[start..]).unwrap_or_default()
}

#[cfg(test)]
mod tests;
