use proptest::prelude::*;

use super::*;

fn number(text: &str) -> Number {
    Number::parse(text).unwrap()
}

#[test]
fn numbers_are_read_as_the_service_reads_them() {
    let cases = [
        ("0", "0"),
        ("-0", "0"),
        ("+5.", "5"),
        (".5", "0.5"),
        ("007.50", "7.5"),
        ("1e3", "1000"),
        ("1.5E-3", "0.0015"),
        ("-12.30e1", "-123"),
        ("0.000e5", "0"),
        ("123456789012345678901234567890.12345678", "123456789012345678901234567890.12345678"),
        ("99999999999999999999999999999999999999", "99999999999999999999999999999999999999"),
        ("000000000000000000000000000000000000000000001", "1"),
    ];
    for (text, expected) in cases {
        assert_eq!(number(text).to_string(), expected, "{text}");
    }
}

#[test]
fn what_is_no_number_is_refused() {
    use NumberError::{NotNumeric, Overflow, TooPrecise, Underflow};
    let cases = [
        ("", NotNumeric),
        ("abc", NotNumeric),
        (".", NotNumeric),
        ("+", NotNumeric),
        ("1 ", NotNumeric),
        ("1.2.3", NotNumeric),
        ("1e", NotNumeric),
        ("1e+", NotNumeric),
        ("--1", NotNumeric),
        ("NaN", NotNumeric),
        ("1e99999999999999999999", NotNumeric),
        ("1e126", Overflow),
        ("-1e9999999", Overflow),
        ("0e126", Overflow),
        ("1e-131", Underflow),
        ("1e-9223372036854775808", Underflow),
        ("123456789012345678901234567890123456789", TooPrecise),
        ("340282366920938463463374607431768211456", TooPrecise),
        ("1000000000000000000000000000000000000000000000001", TooPrecise),
    ];
    for (text, expected) in cases {
        assert_eq!(Number::parse(text), Err(expected), "{text}");
    }
}

#[test]
fn sizes_count_digits_in_pairs() {
    for (text, bytes) in
        [("0", 1), ("1", 2), ("42", 2), ("-42", 3), ("100", 2), ("123", 3), ("1.5", 3), ("0.01", 2)]
    {
        assert_eq!(number(text).size(), bytes, "{text}");
    }
}

#[test]
fn sums_that_cannot_be_stored_are_refused() {
    let most = number("99999999999999999999999999999999999999");
    assert_eq!(most.add(number("0.1")), Err(NumberError::TooPrecise));
    assert_eq!(most.add(number("1")).map(|sum| sum.to_string()), Ok(format!("1{}", "0".repeat(38))));
    assert_eq!(number("9e125").add(number("1e125")), Err(NumberError::Overflow));
    assert_eq!(number("1e125").add(number("1e-130")), Err(NumberError::TooPrecise));
    assert_eq!(number("1.1e-130").subtract(number("1e-130")), Err(NumberError::Underflow));
}

/// Whole numbers of up to 18 digits, moved by a power of ten.
fn drawn() -> impl Strategy<Value = (i64, i32)> {
    (-999_999_999_999_999_999i64..999_999_999_999_999_999, -8i32..8)
}

fn made((whole, places): (i64, i32)) -> Number {
    number(&format!("{whole}e{places}"))
}

/// The same value in units of 1E-8.
fn exact((whole, places): (i64, i32)) -> i128 {
    i128::from(whole) * 10i128.pow((places + 8) as u32)
}

proptest! {
    #[test]
    fn order_and_bytes_agree_with_the_value(one in drawn(), other in drawn()) {
        let (small, great) = (made(one), made(other));
        prop_assert_eq!(small.cmp(&great), exact(one).cmp(&exact(other)));
        prop_assert_eq!(small.sortable().cmp(&great.sortable()), small.cmp(&great));
        prop_assert_eq!(small == great, small.cmp(&great).is_eq());
    }

    #[test]
    fn sums_are_exact(one in drawn(), other in drawn()) {
        let sum = number(&format!("{}e-8", exact(one) + exact(other)));
        prop_assert_eq!(made(one).add(made(other)), Ok(sum));
        prop_assert_eq!(sum.subtract(made(other)), Ok(made(one)));
    }

    #[test]
    fn what_is_written_is_read_again(value in drawn()) {
        let number = made(value);
        prop_assert_eq!(Number::parse(&number.to_string()), Ok(number));
    }
}
