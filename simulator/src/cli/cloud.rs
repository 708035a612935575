//! What the regions' clouds are, on the command line.

use crate::engine::{clouds::Backing, localstack};
use clap::ValueEnum;
use std::{convert::Infallible, fmt, str::FromStr};

/// What the regions' clouds are.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct CloudOptions {
    /// The cloud of a region: an AWS of its own in its process, or LocalStack in a container of its own.
    ///
    /// LocalStack needs a Docker engine. An emulator takes some hundred to a thousand writes a second: it shows that the
    /// services run on it, and not how fast they are. Goals of speed are not to be expected there, so keep --load low.
    #[arg(long, value_enum, default_value_t)]
    pub cloud: CloudWord,
    /// Something LocalStack-compatible that runs already, in place of --cloud: one address for all regions, or one for
    /// each in the topology's order.
    ///
    /// Regions at one address are told apart by the scope of the signatures. Whatever bears the names of a run there
    /// (`ecommerce-sim-…`) is deleted first. Speed is as with LocalStack.
    #[arg(long, value_name = "URL[,URL…]", value_delimiter = ',', value_parser = address)]
    pub endpoint: Vec<String>,
    /// The image of `--cloud localstack`.
    #[arg(long, env = "BIGSMOKES_LOCALSTACK_IMAGE", default_value = localstack::DEFAULT_IMAGE)]
    pub image: String,
    /// What newer images of LocalStack want to see; taken from the environment, so that no list of processes shows it.
    #[arg(long, env = "LOCALSTACK_AUTH_TOKEN", hide_env_values = true, hide = true)]
    pub auth_token: Option<Token>,
}

impl CloudOptions {
    /// Where the clouds come from.
    ///
    /// # Errors
    /// Two places at once, in words for whoever gave them.
    pub fn backing(&self) -> Result<Backing, String> {
        match (self.cloud, self.endpoint.as_slice()) {
            (CloudWord::Localstack, []) => {
                let token = self.auth_token.as_ref().map(|token| token.0.clone());
                Ok(Backing::LocalStack(localstack::LocalStack { image: self.image.clone(), token }))
            }
            (CloudWord::Localstack, _) => {
                Err("--endpoint says where the clouds are: leave --cloud out".to_owned())
            }
            (CloudWord::Embedded, []) => Ok(Backing::Embedded),
            (CloudWord::Embedded, urls) => Ok(Backing::Endpoints(urls.to_vec())),
        }
    }
}

/// What a region's cloud is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CloudWord {
    /// An AWS of its own in the region's process.
    #[default]
    Embedded,
    /// LocalStack, a container for each region.
    Localstack,
}

/// A secret that is not shown.
#[derive(Clone)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl FromStr for Token {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Token(text.to_owned()))
    }
}

/// Scheme, host and port; no path, as the services have none.
fn address(text: &str) -> Result<String, String> {
    let wrong = || format!("`{text}` is no address such as http://127.0.0.1:4566");
    let uri: http::Uri = text.parse().map_err(|_| wrong())?;
    match (uri.scheme_str(), uri.authority(), uri.path_and_query().map(|path| path.as_str())) {
        (Some(scheme @ ("http" | "https")), Some(authority), None | Some("/")) => {
            Ok(format!("{scheme}://{authority}"))
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser as _;

    fn up(arguments: &[&str]) -> Result<CloudOptions, clap::Error> {
        let whole = [&["simulator", "up"], arguments].concat();
        match Cli::try_parse_from(whole)?.command {
            Some(Command::Up { cloud, .. }) => Ok(cloud),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_place_is_named_and_the_embedded_one_where_none_is() {
        let backing = |arguments: &[&str]| up(arguments).expect("parsed").backing();
        assert_eq!(backing(&[]), Ok(Backing::Embedded));
        let urls = ["http://127.0.0.1:4566", "https://cloud.example"].map(str::to_owned).to_vec();
        assert_eq!(
            backing(&["--endpoint", "http://127.0.0.1:4566/,https://cloud.example"]),
            Ok(Backing::Endpoints(urls))
        );
        let localstack =
            localstack::LocalStack { image: "an/image:1".to_owned(), token: Some("secret".to_owned()) };
        let given = ["--cloud", "localstack", "--image", "an/image:1", "--auth-token", "secret"];
        assert_eq!(backing(&given), Ok(Backing::LocalStack(localstack)));
        assert!(backing(&["--cloud", "localstack", "--endpoint", "http://a:1"]).is_err());
        assert!(!format!("{:?}", up(&given)).contains("secret"));
    }

    #[test]
    fn an_address_that_is_none_is_refused() {
        for wrong in ["127.0.0.1:4566", "ftp://a", "http://a/path", "http://", ""] {
            let fault = up(&["--endpoint", wrong]).expect_err(wrong).to_string();
            assert!(fault.contains("--endpoint"), "{fault}");
        }
    }
}
