//! What the regions' owners and copies of the journal ask each other.

use super::{Api, Ours};
use crate::journal::{
    acceptor::{Acceptor, AcceptorError},
    returning::{holds_copy, other_copies},
};
use axum::extract::State;
use contracts::{
    Code,
    journal::{
        AcceptRequest, AcceptResponse, EntryState, FindRequest, FindResponse, HeldShards, PromiseRequest,
        PromiseResponse, ReadRequest, ReadResponse, RegisterRequest, RegisterResponse, SettleRequest,
        SettleResponse, TokensRequest, TokensResponse,
    },
};
use platform::{
    ApiError,
    json::Json,
    request::CalledBy,
    routes::{Routes, Who, get, post},
};

pub(super) fn routes() -> Routes<Api> {
    let ours = Who::services::<Ours>();
    Routes::new()
        .route(
            get("/backend/journal/shards", ours, "The shards that this region drives").gives::<HeldShards>(),
            held_shards,
        )
        .route(
            post("/backend/journal/promise", ours, "A candidate takes shards over")
                .takes::<PromiseRequest>()
                .gives::<PromiseResponse>()
                .also(&[404, 409]),
            promise,
        )
        .route(
            post("/backend/journal/accept", ours, "Stores entries")
                .takes::<AcceptRequest>()
                .gives::<AcceptResponse>()
                .also(&[404, 409]),
            accept,
        )
        .route(
            post("/backend/journal/find", ours, "What this copy has under a key")
                .takes::<FindRequest>()
                .gives::<FindResponse>()
                .also(&[404, 409]),
            find,
        )
        .route(
            post("/backend/journal/choose", ours, "Marks entries as chosen")
                .takes::<SettleRequest>()
                .gives::<SettleResponse>()
                .also(&[404, 409]),
            choose,
        )
        .route(
            post("/backend/journal/close", ours, "Marks entries as closed")
                .takes::<SettleRequest>()
                .gives::<SettleResponse>()
                .also(&[404, 409]),
            close,
        )
        .route(
            post("/backend/journal/register", ours, "Another copy comes back empty")
                .takes::<RegisterRequest>()
                .gives::<RegisterResponse>()
                .also(&[404, 409]),
            register,
        )
        .route(
            post("/backend/journal/read", ours, "What a copy that came back must know")
                .takes::<ReadRequest>()
                .gives::<ReadResponse>()
                .also(&[404, 409]),
            read_journal,
        )
        .route(
            post("/backend/journal/tokens", ours, "Which orders tokens are bound to")
                .takes::<TokensRequest>()
                .gives::<TokensResponse>()
                .also(&[404, 409]),
            tokens,
        )
}

async fn held_shards(State(api): State<Api>, _: CalledBy<Ours>) -> Json<HeldShards> {
    Json(HeldShards { shards: api.owner.held() })
}

fn acceptor(api: &Api) -> Result<&Acceptor, ApiError> {
    if holds_copy(&api.platform.config) {
        Ok(&api.owner.copies.own)
    } else {
        Err(ApiError::new(Code::NotFound, "This region holds no copy of the journal"))
    }
}

fn answer<T>(answer: Result<T, AcceptorError>) -> Result<Json<T>, ApiError> {
    answer.map(Json).map_err(|cause| match cause {
        AcceptorError::Busy => ApiError::new(Code::InProgress, "The shard is busy"),
        AcceptorError::Returning => ApiError::new(
            Code::DurabilityUnavailable,
            "This copy of the journal lost what it held and does not vote yet",
        ),
        AcceptorError::Unregistered => ApiError::new(Code::Conflict, "The reader is not registered here"),
        AcceptorError::Page => ApiError::new(Code::BadRequest, "The page token is not one of ours"),
        AcceptorError::Table(error) => error.into(),
        AcceptorError::Entry(error) => ApiError::internal(error),
    })
}

async fn promise(
    State(api): State<Api>,
    _: CalledBy<Ours>,
    Json(request): Json<PromiseRequest>,
) -> Result<Json<PromiseResponse>, ApiError> {
    answer(acceptor(&api)?.promise(&request).await)
}

async fn accept(
    State(api): State<Api>,
    _: CalledBy<Ours>,
    Json(request): Json<AcceptRequest>,
) -> Result<Json<AcceptResponse>, ApiError> {
    answer(acceptor(&api)?.accept(&request).await)
}

async fn find(
    State(api): State<Api>,
    _: CalledBy<Ours>,
    Json(request): Json<FindRequest>,
) -> Result<Json<FindResponse>, ApiError> {
    answer(acceptor(&api)?.find(&request).await)
}

async fn choose(
    State(api): State<Api>,
    _: CalledBy<Ours>,
    Json(request): Json<SettleRequest>,
) -> Result<Json<SettleResponse>, ApiError> {
    answer(acceptor(&api)?.mark(&request, EntryState::Chosen).await)
}

async fn close(
    State(api): State<Api>,
    _: CalledBy<Ours>,
    Json(request): Json<SettleRequest>,
) -> Result<Json<SettleResponse>, ApiError> {
    answer(acceptor(&api)?.mark(&request, EntryState::Closed).await)
}

async fn register(
    State(api): State<Api>,
    _: CalledBy<Ours>,
    Json(request): Json<RegisterRequest>,
) -> Result<Json<RegisterResponse>, ApiError> {
    let copy = acceptor(&api)?;
    if !other_copies(&api.platform.config).contains(&request.copy) {
        return Err(ApiError::new(Code::BadRequest, "Only another copy of the journal registers here"));
    }
    answer(copy.register(&request).await)
}

async fn read_journal(
    State(api): State<Api>,
    _: CalledBy<Ours>,
    Json(request): Json<ReadRequest>,
) -> Result<Json<ReadResponse>, ApiError> {
    answer(acceptor(&api)?.read(&request).await)
}

async fn tokens(
    State(api): State<Api>,
    _: CalledBy<Ours>,
    Json(request): Json<TokensRequest>,
) -> Result<Json<TokensResponse>, ApiError> {
    answer(acceptor(&api)?.bound_tokens(&request).await)
}
