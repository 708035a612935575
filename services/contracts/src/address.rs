//! Where an order goes.

use crate::error::FieldError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A postal address. `country` is ISO 3166-1 alpha-2, upper case once [`Address::normalised`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// The recipient.
    pub name: String,
    /// A company, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company_name: Option<String>,
    /// Street and number.
    pub street_address: String,
    /// Post code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_code: Option<String>,
    /// City.
    pub city: String,
    /// State or province.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Country.
    #[schemars(regex(pattern = "^[A-Za-z]{2}$"))]
    pub country: String,
    /// Telephone number for the courier.
    pub phone_number: String,
}

const FIELD_BYTES_MAX: usize = 200;

impl Address {
    /// The same address with its country in upper case.
    pub fn normalised(mut self) -> Self {
        self.country.make_ascii_uppercase();
        self
    }

    /// Forgets who lives where. The country and the state stay: taxes and the law of the destination go by them.
    pub fn forget_person(&mut self) {
        let Address { country, state, .. } = self;
        *self = Address { country: std::mem::take(country), state: state.take(), ..Address::of_nobody() };
    }

    fn of_nobody() -> Address {
        Address {
            name: String::new(),
            company_name: None,
            street_address: String::new(),
            post_code: None,
            city: String::new(),
            state: None,
            country: String::new(),
            phone_number: String::new(),
        }
    }

    /// What is wrong with the address, a field each.
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let required = [
            ("address.name", &self.name),
            ("address.streetAddress", &self.street_address),
            ("address.city", &self.city),
            ("address.phoneNumber", &self.phone_number),
        ];
        for (field, value) in required {
            if value.trim().is_empty() || value.len() > FIELD_BYTES_MAX {
                faults.push(FieldError::new(field, "LENGTH", "must have 1 to 200 bytes"));
            }
        }
        let optional = [
            ("address.companyName", &self.company_name),
            ("address.postCode", &self.post_code),
            ("address.state", &self.state),
        ];
        for (field, value) in optional {
            if value.as_ref().is_some_and(|text| text.len() > FIELD_BYTES_MAX) {
                faults.push(FieldError::new(field, "LENGTH", "must have at most 200 bytes"));
            }
        }
        if self.country.len() != 2 || !self.country.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            faults.push(FieldError::new("address.country", "COUNTRY", "must be an ISO 3166-1 alpha-2 code"));
        }
        faults
    }
}
