//! Addresses that look like those of the country.

use crate::dice::Dice;
use contracts::Address;
use fake::{
    Dummy, Fake,
    faker::{
        address::raw::{BuildingNumber, CityName, StateName, StreetName, ZipCode},
        name::raw::Name,
        phone_number::raw::PhoneNumber,
    },
    locales::{DE_DE, EN, FR_FR, IT_IT, JA_JP, NL_NL, PT_BR, TR_TR, ZH_CN, ZH_TW},
};

/// A person and where they live. A country without names of its own gets English ones.
pub(super) fn address(country: &str, dice: &mut Dice) -> Address {
    match country {
        "AT" | "CH" | "DE" => address_in(DE_DE, country, dice),
        "BE" | "FR" => address_in(FR_FR, country, dice),
        "IT" => address_in(IT_IT, country, dice),
        "NL" => address_in(NL_NL, country, dice),
        "TR" => address_in(TR_TR, country, dice),
        "AR" | "BR" | "CL" | "CO" | "PE" => address_in(PT_BR, country, dice),
        "JP" => address_in(JA_JP, country, dice),
        "CN" | "HK" => address_in(ZH_CN, country, dice),
        "TW" => address_in(ZH_TW, country, dice),
        _ => address_in(EN, country, dice),
    }
}

fn address_in<L: Copy>(locale: L, country: &str, dice: &mut Dice) -> Address
where
    String: Dummy<Name<L>>
        + Dummy<StreetName<L>>
        + Dummy<BuildingNumber<L>>
        + Dummy<ZipCode<L>>
        + Dummy<CityName<L>>
        + Dummy<StateName<L>>
        + Dummy<PhoneNumber<L>>,
{
    let street: String = StreetName(locale).fake_with_rng(dice);
    let number: String = BuildingNumber(locale).fake_with_rng(dice);
    Address {
        name: Name(locale).fake_with_rng(dice),
        company_name: None,
        street_address: format!("{street} {number}"),
        post_code: Some(ZipCode(locale).fake_with_rng(dice)),
        city: CityName(locale).fake_with_rng(dice),
        state: Some(state(StateName(locale).fake_with_rng(dice))),
        country: country.to_owned(),
        phone_number: PhoneNumber(locale).fake_with_rng(dice),
    }
}

/// A state to which cigars can be sent: those who would live in Utah, which forbids it, live next door.
fn state(drawn: String) -> String {
    if drawn == "Utah" { "Nevada".to_owned() } else { drawn }
}
