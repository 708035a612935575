//! The states of the United States and their district, as the postal service writes them (Publication 28, appendix B).

const STATES: &str = "AL Alabama,AK Alaska,AZ Arizona,AR Arkansas,CA California,CO Colorado,CT Connecticut,DE Delaware,\
    DC District of Columbia,FL Florida,GA Georgia,HI Hawaii,ID Idaho,IL Illinois,IN Indiana,IA Iowa,KS Kansas,\
    KY Kentucky,LA Louisiana,ME Maine,MD Maryland,MA Massachusetts,MI Michigan,MN Minnesota,MS Mississippi,MO Missouri,\
    MT Montana,NE Nebraska,NV Nevada,NH New Hampshire,NJ New Jersey,NM New Mexico,NY New York,NC North Carolina,\
    ND North Dakota,OH Ohio,OK Oklahoma,OR Oregon,PA Pennsylvania,RI Rhode Island,SC South Carolina,SD South Dakota,\
    TN Tennessee,TX Texas,UT Utah,VT Vermont,VA Virginia,WA Washington,WV West Virginia,WI Wisconsin,WY Wyoming";

/// The two letters of a state that is given by them or by its name, in any case.
pub(super) fn code(given: &str) -> Option<&'static str> {
    let given = given.trim();
    let mut known = STATES.split(',').filter_map(|state| state.split_once(' '));
    known
        .find(|(code, name)| code.eq_ignore_ascii_case(given) || name.eq_ignore_ascii_case(given))
        .map(|(code, _)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_by_its_letters_or_its_name() {
        assert_eq!(STATES.split(',').count(), 51);
        for (given, known) in [("fl", "FL"), (" Utah ", "UT"), ("west virginia", "WV"), ("Virginia", "VA")] {
            assert_eq!(code(given), Some(known), "{given}");
        }
        for given in ["", "Utha", "U", "Ontario"] {
            assert_eq!(code(given), None, "{given}");
        }
    }
}
