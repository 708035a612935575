//! The rules for what an administrator writes into the catalogue.

use axum::http::Uri;
use contracts::{
    FieldError, Package, ProductId,
    bodies::products::{CURRENCY, ProductDraft},
};

/// The longest name, bytes.
const NAME_BYTES_MAX: usize = 200;
/// The longest category or tag, bytes.
const WORD_BYTES_MAX: usize = 40;
/// Tags at most.
const TAGS_MAX: usize = 20;
/// Pictures at most.
const PICTURES_MAX: usize = 10;
/// The longest address of a picture, bytes.
const PICTURE_BYTES_MAX: usize = 2_000;
/// The longest side, millimetres.
const SIDE_MAX: u32 = 10_000;
/// The heaviest product, grams.
const WEIGHT_MAX: u32 = 1_000_000;
/// The highest price, minor units: the sum of the largest order stays far from the end of its type.
const PRICE_MAX: i64 = 100_000_000;

/// What is wrong with a draft of the product with this id, a field each.
pub(crate) fn faults(product_id: ProductId, draft: &ProductDraft) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let mut rule = |holds: bool, field: &str, code: &str, message: String| {
        if !holds {
            faults.push(FieldError::new(field, code, message));
        }
    };
    let same_id = draft.product_id.is_none_or(|stated| stated == product_id);
    rule(same_id, "productId", "ID", "must be the id in the path".into());
    let name = format!("must have 1 to {NAME_BYTES_MAX} bytes of printable text, not spaces alone");
    rule(is_name(&draft.name), "name", "LENGTH", name);
    let word = format!("must be lower-case letters and digits with single hyphens, 1 to {WORD_BYTES_MAX}");
    rule(is_word(&draft.category), "category", "FORM", word.clone());
    rule(draft.tags.len() <= TAGS_MAX, "tags", "COUNT", format!("must be at most {TAGS_MAX}"));
    if let Some(at) = first_other(&draft.tags, TAGS_MAX, is_word) {
        rule(false, &format!("tags[{at}]"), "FORM", word);
    }
    let pictures = format!("must be at most {PICTURES_MAX}");
    rule(draft.pictures.len() <= PICTURES_MAX, "pictures", "COUNT", pictures);
    if let Some(at) = first_other(&draft.pictures, PICTURES_MAX, is_picture) {
        let message = format!("must be an https address of at most {PICTURE_BYTES_MAX} bytes");
        rule(false, &format!("pictures[{at}]"), "URI", message);
    }
    let price = format!("must be 0 to {PRICE_MAX} minor units");
    rule((0..=PRICE_MAX).contains(&draft.price), "price", "RANGE", price);
    rule(draft.currency == CURRENCY, "currency", "CURRENCY", format!("must be {CURRENCY}"));
    faults.extend(package_faults(draft.package));
    faults
}

fn package_faults(package: Package) -> impl Iterator<Item = FieldError> {
    let Package { width, length, height, weight } = package;
    let measures = [
        ("package.width", width, SIDE_MAX, "millimetres"),
        ("package.length", length, SIDE_MAX, "millimetres"),
        ("package.height", height, SIDE_MAX, "millimetres"),
        ("package.weight", weight, WEIGHT_MAX, "grams"),
    ];
    let wrong = measures.into_iter().filter(|(_, value, most, _)| !(1..=*most).contains(value));
    wrong.map(|(field, _, most, unit)| FieldError::new(field, "RANGE", format!("must be 1 to {most} {unit}")))
}

fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= NAME_BYTES_MAX && !text.chars().any(char::is_control)
}

fn is_word(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    text.len() <= WORD_BYTES_MAX && text.split('-').all(part)
}

fn is_picture(text: &str) -> bool {
    let secure =
        |uri: Uri| uri.scheme_str() == Some("https") && uri.host().is_some_and(|host| !host.is_empty());
    text.len() <= PICTURE_BYTES_MAX && text.parse().is_ok_and(secure)
}

/// The first of a list's items, as far as it may go, that is not what it should be.
fn first_other(items: &[String], most: usize, is: impl Fn(&str) -> bool) -> Option<usize> {
    items.iter().take(most).position(|item| !is(item))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::samples;
    use proptest::prelude::*;

    fn fields(change: impl FnOnce(&mut ProductDraft)) -> Vec<String> {
        let mut draft = samples::draft();
        change(&mut draft);
        faults(samples::id(1), &draft).into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn what_the_catalogue_ships_with_keeps_the_rules() {
        for product in crate::catalogue().expect("the embedded catalogue") {
            let found = faults(product.product_id, &samples::draft_of(&product));
            assert!(found.is_empty(), "{}: {found:?}", product.name);
        }
    }

    #[test]
    fn each_broken_rule_names_its_field_once() {
        type Break = (&'static str, fn(&mut ProductDraft));
        let breaks: [Break; 16] = [
            ("productId", |draft| draft.product_id = Some(samples::id(2))),
            ("name", |draft| draft.name = "  ".into()),
            ("name", |draft| draft.name = "x".repeat(201)),
            ("name", |draft| draft.name = "two\nlines".into()),
            ("category", |draft| draft.category = String::new()),
            ("category", |draft| draft.category = "Robusto".into()),
            ("category", |draft| draft.category = "petit--corona".into()),
            ("tags", |draft| draft.tags = vec!["word".into(); 21]),
            ("tags[1]", |draft| draft.tags = vec!["word".into(), "two words".into(), "%".into()]),
            ("pictures", |draft| draft.pictures = vec!["https://a.example/b.jpg".into(); 11]),
            ("pictures[0]", |draft| draft.pictures = vec!["http://a.example/b.jpg".into()]),
            ("pictures[0]", |draft| draft.pictures = vec!["javascript:alert(1)".into()]),
            ("price", |draft| draft.price = -1),
            ("price", |draft| draft.price = i64::MAX),
            ("currency", |draft| draft.currency = "EUR".into()),
            ("package.weight", |draft| draft.package.weight = 0),
        ];
        for (field, change) in breaks {
            assert_eq!(fields(change), [field]);
        }
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let wrong = fields(|draft| {
            draft.price = -5;
            draft.package = Package::default();
        });
        assert_eq!(wrong, ["price", "package.width", "package.length", "package.height", "package.weight"]);
    }

    #[test]
    fn a_price_of_nothing_and_the_highest_one_are_prices() {
        assert!(fields(|draft| draft.price = 0).is_empty());
        assert!(fields(|draft| draft.price = PRICE_MAX).is_empty());
    }

    proptest! {
        #[test]
        fn no_text_whatever_is_a_word_unless_it_is_made_of_the_letters_of_one(text in "\\PC{0,50}") {
            let made = text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
            prop_assert!(!is_word(&text) || made);
        }
    }
}
