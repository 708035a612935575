//! A service's routes, and what the world may know of each: who may call it, what it takes and what it gives.
//!
//! A router is made of this table, so no route can be left out of it; [`crate::openapi`] makes the service's
//! description of it, and the test of who may do what reads that.

use crate::{identity::Group, request::Callers};
use axum::{
    Router,
    handler::Handler,
    routing::{MethodFilter, on},
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use std::collections::BTreeSet;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Anybody.
    Anyone,
    /// Whoever has signed in.
    Person,
    /// Members of a group of staff, and of `admin`.
    Staff(&'static str),
    /// These services, by their signature.
    Services(&'static [&'static str]),
    /// A third party, by its signed webhook.
    Partner(&'static str),
}

impl Who {
    /// The members of a group.
    pub const fn staff<G: Group>() -> Who {
        Who::Staff(G::NAME)
    }

    /// The services that an extractor lets through.
    pub const fn services<C: Callers>() -> Who {
        Who::Services(C::NAMES)
    }

    /// As the description says it: `anyone`, `person`, `group:{name}`, `service:{name}` or
    /// `partner:{name}`.
    pub fn words(self) -> Vec<String> {
        match self {
            Who::Anyone => vec!["anyone".into()],
            Who::Person => vec!["person".into()],
            Who::Staff(group) => vec![format!("group:{group}")],
            Who::Partner(name) => vec![format!("partner:{name}")],
            Who::Services(names) => names.iter().map(|name| format!("service:{name}")).collect(),
        }
    }
}

/// A method, as far as routes have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Verb {
    Get,
    Post,
    Put,
    Delete,
}

impl Verb {
    fn filter(self) -> MethodFilter {
        match self {
            Verb::Get => MethodFilter::GET,
            Verb::Post => MethodFilter::POST,
            Verb::Put => MethodFilter::PUT,
            Verb::Delete => MethodFilter::DELETE,
        }
    }

    /// As descriptions write it.
    pub fn word(self) -> &'static str {
        match self {
            Verb::Get => "get",
            Verb::Post => "post",
            Verb::Put => "put",
            Verb::Delete => "delete",
        }
    }
}

/// The schema of a type, by the generator that collects those of a whole description.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What a body is.
#[derive(Clone, Copy, Debug)]
pub enum Content {
    /// JSON of this schema.
    Json(SchemaOf),
    /// Text of this media type.
    Text(&'static str),
}

/// A header of a request.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub meaning: &'static str,
    /// Whether the route does nothing without it.
    pub required: bool,
}

/// A field of a query string.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub meaning: &'static str,
    /// Whether the route does nothing without it.
    pub required: bool,
    /// Its type.
    pub schema: SchemaOf,
}

/// A route.
#[derive(Clone, Debug)]
pub struct RouteSpec {
    /// Its method.
    pub verb: Verb,
    /// Its path, with parameters in braces.
    pub path: &'static str,
    /// Who may call it: whoever is one of these.
    pub who: Vec<Who>,
    /// What it is for, in one sentence.
    pub summary: &'static str,
    /// The body that it takes.
    pub takes: Option<Content>,
    /// The fields of its query string.
    pub query: Vec<Field>,
    /// The headers that it reads, beside those that every route reads.
    pub headers: Vec<Header>,
    /// The body of its answer with status 200; JSON `null` where absent.
    pub gives: Option<Content>,
    /// What else it may answer, beside the statuses that go with its kind.
    pub also: &'static [u16],
    /// Whether it lies before the layers: it reads no caller, and nothing but 200 comes of it.
    pub bare: bool,
}

/// A route that reads.
pub fn get(path: &'static str, who: Who, summary: &'static str) -> RouteSpec {
    RouteSpec::new(Verb::Get, path, who, summary)
}

/// A route that acts.
pub fn post(path: &'static str, who: Who, summary: &'static str) -> RouteSpec {
    RouteSpec::new(Verb::Post, path, who, summary)
}

/// A route that sets.
pub fn put(path: &'static str, who: Who, summary: &'static str) -> RouteSpec {
    RouteSpec::new(Verb::Put, path, who, summary)
}

/// A route that takes away.
pub fn delete(path: &'static str, who: Who, summary: &'static str) -> RouteSpec {
    RouteSpec::new(Verb::Delete, path, who, summary)
}

impl RouteSpec {
    fn new(verb: Verb, path: &'static str, who: Who, summary: &'static str) -> Self {
        RouteSpec {
            verb,
            path,
            who: vec![who],
            summary,
            takes: None,
            query: Vec::new(),
            headers: Vec::new(),
            gives: None,
            also: &[],
            bare: false,
        }
    }

    /// Others may call it too.
    pub fn or(mut self, who: Who) -> Self {
        self.who.push(who);
        self
    }

    /// It takes such a body.
    pub fn takes<T: JsonSchema>(mut self) -> Self {
        self.takes = Some(Content::Json(|generator| generator.subschema_for::<T>()));
        self
    }

    /// Its query string may have such a field.
    pub fn field<T: JsonSchema>(self, name: &'static str, meaning: &'static str) -> Self {
        self.query_field::<T>(name, meaning, false)
    }

    /// Its query string must have such a field.
    pub fn needs<T: JsonSchema>(self, name: &'static str, meaning: &'static str) -> Self {
        self.query_field::<T>(name, meaning, true)
    }

    fn query_field<T: JsonSchema>(
        mut self,
        name: &'static str,
        meaning: &'static str,
        required: bool,
    ) -> Self {
        let schema: SchemaOf = |generator| generator.subschema_for::<T>();
        self.query.push(Field { name, meaning, required, schema });
        self
    }

    /// It gives a page of a list: see [`crate::request::PageQuery`].
    pub fn pages(self) -> Self {
        self.field::<i64>("limit", "Items on the page, 1 to 100; 20 where absent")
            .field::<String>("nextToken", "Where the page begins: what the page before it said")
    }

    /// It reads a header.
    pub fn header(mut self, name: &'static str, meaning: &'static str, required: bool) -> Self {
        self.headers.push(Header { name, meaning, required });
        self
    }

    /// It answers with such a body.
    pub fn gives<T: JsonSchema>(mut self) -> Self {
        self.gives = Some(Content::Json(|generator| generator.subschema_for::<T>()));
        self
    }

    /// It answers with text.
    pub fn gives_text(mut self, media_type: &'static str) -> Self {
        self.gives = Some(Content::Text(media_type));
        self
    }

    /// It may also answer with these.
    pub fn also(mut self, statuses: &'static [u16]) -> Self {
        self.also = statuses;
        self
    }

    /// It lies before the layers.
    pub fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// The names of the parameters in its path.
    pub fn parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// Every status that may come of it.
    pub fn statuses(&self) -> BTreeSet<u16> {
        let mut statuses = BTreeSet::from([200]);
        statuses.extend(self.also);
        if self.bare {
            return statuses;
        }
        // A proof that does not hold is refused everywhere, also where none is needed.
        statuses.extend([401, 429, 500, 503]);
        if !self.who.contains(&Who::Anyone) {
            statuses.insert(403);
        }
        if self.parameters().next().is_some() {
            statuses.extend([400, 404]);
        }
        if !self.query.is_empty() {
            statuses.insert(400);
        }
        if self.takes.is_some() {
            statuses.extend([400, 413, 422]);
        }
        statuses
    }
}

/// A router and its table, grown together.
pub struct Routes<S = ()> {
    router: Router<S>,
    specs: Vec<RouteSpec>,
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Routes { router: Router::new(), specs: Vec::new() }
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No route yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a route.
    pub fn route<H: Handler<T, S>, T: 'static>(mut self, spec: RouteSpec, handler: H) -> Self {
        self.router = self.router.route(spec.path, on(spec.verb.filter(), handler));
        self.specs.push(spec);
        self
    }

    /// Adds the routes of another table.
    pub fn merge(mut self, other: Routes<S>) -> Self {
        self.router = self.router.merge(other.router);
        self.specs.extend(other.specs);
        self
    }

    /// Gives the handlers what they work with.
    pub fn with_state<S2: Clone + Send + Sync + 'static>(self, state: S) -> Routes<S2> {
        Routes { router: self.router.with_state(state), specs: self.specs }
    }
}

impl Routes {
    /// The router, and the table that it was made of.
    pub fn into_parts(self) -> (Router, Vec<RouteSpec>) {
        (self.router, self.specs)
    }
}
