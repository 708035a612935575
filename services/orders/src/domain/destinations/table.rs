//! The rows. A change of the law is one more row with its day: orders before it are judged by the earlier one.
//!
//! The shop's reading of the law, not legal advice: a source says where to look, and counsel has yet to confirm each row. A
//! place of which nothing is known has no row, and nothing is sent there.

use super::{
    Row,
    Rule::{self, FromAge, Refused},
};

pub(super) const TABLE: &[Row] = &[
    whole("AT", "2016-05-20", Refused, "Tobacco and Non-Smokers Protection Act (TNRSG) s. 2a, 2016"),
    whole("BE", "2016-05-20", Refused, "Royal Decree of 5 February 2016, art. 13"),
    whole("BR", "2000-12-28", Refused, "Lei 9.294/1996 art. 3-A I, as amended in 2000"),
    whole("CA", "1997-04-25", Refused, "Tobacco and Vaping Products Act s. 13, 1997"),
    whole("CH", "2024-10-01", FromAge(18), "Tobacco Products Act (SR 818.32), in force since 2024"),
    whole("CL", "2013-03-01", FromAge(18), "Ley 19.419 art. 4, as amended in 2013"),
    whole("CO", "2009-07-21", FromAge(18), "Ley 1335 art. 2, 2009"),
    whole("DE", "2016-04-01", FromAge(18), "Youth Protection Act (JuSchG) s. 10, as amended in 2016"),
    whole("FI", "2016-08-15", Refused, "Tobacco Act 549/2016 s. 58"),
    whole("FR", "2015-01-01", Refused, "Code general des impots art. 568 ter, since 2015"),
    whole("GB", "2007-10-01", FromAge(18), "Children and Young Persons Act 1933 s. 7, as amended in 2007"),
    whole("HK", "2008-01-01", FromAge(18), "Smoking (Public Health) Ordinance (Cap. 371) s. 15A, as of 2008"),
    whole("IT", "2016-02-02", Refused, "Decreto legislativo 6/2016 art. 19"),
    whole(
        "JP",
        "2022-04-01",
        FromAge(20),
        "Act on Prohibition of Smoking under Twenty, 1900, as amended in 2022",
    ),
    whole("KR", "2014-01-01", Refused, "Tobacco Business Act art. 12(4), as of 2014"),
    whole("MX", "2008-08-28", Refused, "Ley General para el Control del Tabaco art. 16, 2008"),
    whole("NL", "2023-07-01", Refused, "Tobacco and Smoking Products Act, ban of distance sales of 2023"),
    whole("NZ", "2020-11-11", FromAge(18), "Smokefree Environments and Regulated Products Act 1990 s. 40"),
    whole("PE", "2010-04-03", FromAge(18), "Ley 28705, as amended by Ley 29517 of 2010"),
    whole("PL", "2016-09-08", Refused, "Act of 9 November 1995 on tobacco and health, as amended in 2016"),
    whole("SE", "2019-07-01", FromAge(18), "Act on Tobacco and Similar Products (2018:2088)"),
    // Cigars are outside the ban on mailing of the PACT Act of 2009: 15 U.S.C. 375 names cigarettes and smokeless tobacco.
    whole("US", "2019-12-20", FromAge(21), "21 U.S.C. 387f(d)(5), Public Law 116-94 of 2019"),
    part("US", "UT", "2013-07-01", Refused, "Utah Code 59-14-509; tax.utah.gov/tobacco/internet, 2026"),
];

const fn whole(country: &'static str, from: &'static str, rule: Rule, source: &'static str) -> Row {
    Row { country, state: None, from, rule, source }
}

const fn part(
    country: &'static str,
    state: &'static str,
    from: &'static str,
    rule: Rule,
    source: &'static str,
) -> Row {
    Row { country, state: Some(state), from, rule, source }
}
