//! Which products a search finds.

use contracts::{FieldError, Product};

/// The longest search text, bytes.
const TEXT_BYTES_MAX: usize = 200;
/// Words of a search at most.
const WORDS_MAX: usize = 10;

/// The words that are searched for, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Words(Vec<String>);

impl Words {
    /// Reads what somebody typed.
    ///
    /// # Errors
    /// When it has no word, or too much of anything.
    pub(crate) fn read(text: &str) -> Result<Words, FieldError> {
        if text.len() > TEXT_BYTES_MAX {
            let message = format!("must have at most {TEXT_BYTES_MAX} bytes");
            return Err(FieldError::new("q", "LENGTH", message));
        }
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        if !(1..=WORDS_MAX).contains(&words.len()) {
            return Err(FieldError::new("q", "COUNT", format!("must have 1 to {WORDS_MAX} words")));
        }
        Ok(Words(words))
    }

    /// Whether each word is part of the product's name, its category or one of its tags.
    pub(crate) fn find(&self, product: &Product) -> bool {
        let name = product.name.to_lowercase();
        self.0.iter().all(|word| {
            let within = |text: &str| text.contains(word.as_str());
            within(&name) || within(&product.category) || product.tags.iter().any(|tag| within(tag))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::samples;

    fn finds(text: &str) -> bool {
        Words::read(text).expect("words").find(&samples::product())
    }

    #[test]
    fn every_word_must_be_found_somewhere_in_any_case() {
        for text in ["volcan", "VOLCAN toro", "  Full\tNICARAGUA ", "azul box-of-20"] {
            assert!(finds(text), "{text}");
        }
        for text in ["volcan mild", "toro cuba", "volcantoro"] {
            assert!(!finds(text), "{text}");
        }
    }

    #[test]
    fn a_search_has_words_and_bounds() {
        for (text, code) in
            [("", "COUNT"), (" \t ", "COUNT"), (&"a ".repeat(11), "COUNT"), (&"x".repeat(201), "LENGTH")]
        {
            assert_eq!(Words::read(text).expect_err(text).code, code);
        }
        assert!(Words::read(&"a ".repeat(10)).is_ok());
    }
}
