//! The HTTP API: what the server carries, in JSON, and orders to it. It reads snapshots and never waits for a shard but for an order's answer.
//!
//! `/healthz` and `/readyz` are open to everybody who reaches the port; everything below `/api/v1/` needs the token but its own description. `/` and
//! `/metrics` need it where the configuration says so; there it may also come as the password that a browser asks for.

mod answers;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use backline_relay::SessionId;
use backline_wire::{ParticipantId, Route, RouteError};
use serde::Deserialize;
use tokio::sync::oneshot;

use crate::log::AUDIT;
use crate::server::{Server, StartError};
use crate::shard_thread::OrderError;
use crate::{metrics, page};
use answers::{Made, Participant, Refusal, Session, SessionList, Shard, ShardList, Travel};

/// Longest body of a request, in bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// Longest name of a session, in bytes.
const NAME_BYTES_MAX: usize = backline_wire::limits::NAME_BYTES_MAX;

/// The runtime's thread, and how to end it.
pub struct Api {
    /// Where it listens.
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Api {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub fn start(server: Arc<Server>) -> Result<Self, StartError> {
        let at = server.config.http;
        let failed = |error| StartError::Http { at, error };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let listener = runtime.block_on(tokio::net::TcpListener::bind(at)).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop, stopped) = oneshot::channel();
        let service = router(server).into_make_service_with_connect_info::<SocketAddr>();
        let serve = async move {
            let stopped = async move {
                // A sender that is gone means the same.
                let _ = stopped.await;
            };
            if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(stopped).await {
                tracing::error!(%error, "the HTTP API has stopped");
            }
        };
        let thread = std::thread::Builder::new()
            .name("http".to_owned())
            .spawn(move || runtime.block_on(serve))
            .map_err(|error| StartError::Thread(error.to_string()))?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Answers what is being asked, and stops.
    pub fn stop(mut self) {
        // Where it has stopped already, nobody hears it.
        let _ = self.stop.take().map(|stop| stop.send(()));
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the HTTP API ended by an error of its own");
        }
    }
}

fn router(server: Arc<Server>) -> Router {
    let with_token = Router::new()
        .route("/sessions", get(sessions).post(create))
        .route("/sessions/{id}", get(session).delete(end))
        .route("/sessions/{id}/link", get(link))
        .route("/sessions/{id}/route", get(route).put(set_route))
        .route("/participants/{id}/metrics", get(participant))
        .route("/shards", get(shards))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&server), check_token));
    let watching = Router::new()
        .route("/", get(|State(server): State<Arc<Server>>| async move { page::answer(&server) }))
        .route("/metrics", get(scrape))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&server), check_watcher));
    Router::new()
        .merge(watching)
        .route("/status.js", get(page::script))
        .route("/status.css", get(page::style))
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
        .route("/api/v1/openapi.json", get(description))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .nest("/api/v1", with_token)
        .fallback(|| async { Refusal::new(StatusCode::NOT_FOUND, "there is nothing under this address") })
        .method_not_allowed_fallback(|| async {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this address does not take such a request")
        })
        .layer(axum::extract::DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(Arc::clone(&server), count))
        .with_state(server)
}

/// Only who has the token goes on. Refused attempts are in the audit log.
async fn check_token(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    match given(&request) {
        Some(Given::Bearer(token)) if server.token.is(&token) => next.run(request).await,
        _ => unauthorised(&request, "Bearer"),
    }
}

/// The same for people who only look, where the configuration demands it: browsers and Prometheus may send the token as a password.
async fn check_watcher(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let has_token = match given(&request) {
        Some(Given::Bearer(token) | Given::Password(token)) => server.token.is(&token),
        None => false,
    };
    if has_token || !server.config.metrics_need_token {
        return next.run(request).await;
    }
    unauthorised(&request, "Basic realm=\"Backline: any name, and the token as password\", charset=\"UTF-8\"")
}

/// The token as somebody has sent it, right or wrong.
enum Given {
    Bearer(String),
    Password(String),
}

fn given(request: &Request) -> Option<Given> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Given::Bearer(rest.trim().to_owned()));
    }
    // RFC 7617 section 2: a name without a colon, a colon, the password.
    let pair = data_encoding::BASE64.decode(rest.trim().as_bytes()).ok()?;
    let pair = String::from_utf8(pair).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    pair.split_once(':').map(|(_, password)| Given::Password(password.to_owned()))
}

fn unauthorised(request: &Request, how: &'static str) -> Response {
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|from| from.0);
    tracing::warn!(target: AUDIT, ?address, path = request.uri().path(), "refused: no token, or another one");
    let refusal = Refusal::new(
        StatusCode::UNAUTHORIZED,
        "this needs the server's token: send “Authorization: Bearer …”; `backline-server token` prints it",
    );
    let mut answer = refusal.into_response();
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static(how));
    answer
}

async fn count(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let answer = next.run(request).await;
    server.counters.answered(answer.status().as_u16());
    answer
}

async fn scrape(State(server): State<Arc<Server>>) -> Response {
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::text(&server)).into_response()
}

/// What this API offers, for programs.
async fn description() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("api/openapi.json")).into_response()
}

async fn ready(State(server): State<Arc<Server>>) -> Response {
    if server.is_ready() {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response()
    }
}

async fn sessions(State(server): State<Arc<Server>>) -> Json<SessionList> {
    let views = server.views();
    let sessions = views.iter().flat_map(|view| &view.sessions).map(Session::from).collect();
    Json(SessionList { sessions })
}

async fn shards(State(server): State<Arc<Server>>) -> Json<ShardList> {
    let shards = server.views().iter().map(|view| Shard::from(&**view)).collect();
    Json(ShardList {
        uptime_seconds: server.uptime().as_secs_f64(),
        is_ready: server.is_ready(),
        restarts: server.restarts(),
        orders_refused: server.counters.orders_refused(),
        unauthorised: server.counters.unauthorised(),
        shards,
    })
}

async fn session(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
) -> Result<Json<Session>, Refusal> {
    let id = parse_session(&id)?;
    let views = server.views();
    let found = views.iter().flat_map(|view| &view.sessions).find(|session| session.id == id);
    found.map(|session| Json(Session::from(session))).ok_or_else(|| failed(&OrderError::NoSession))
}

/// What a session begins with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSession {
    name: String,
    /// As the configuration says, where nothing is said here.
    route: Option<String>,
}

async fn create(
    State(server): State<Arc<Server>>,
    body: Result<Json<NewSession>, axum::extract::rejection::JsonRejection>,
) -> Result<(StatusCode, Json<Made>), Refusal> {
    let Json(new) = body.map_err(|error| Refusal::new(error.status(), &error.body_text()))?;
    if new.name.is_empty() || new.name.len() > NAME_BYTES_MAX {
        let text = format!("a session's name has 1 to {NAME_BYTES_MAX} bytes");
        return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, &text));
    }
    if !server.is_ready() {
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server is about to stop"));
    }
    let route = new.route.map_or(Ok(server.config.route), |route| parse_route(&route))?;
    let (id, link) = server.create(new.name, route).await.map_err(|error| failed(&error))?;
    Ok((StatusCode::CREATED, Json(Made { id: id.to_string(), link })))
}

async fn link(State(server): State<Arc<Server>>, Path(id): Path<String>) -> Result<Json<Made>, Refusal> {
    let id = parse_session(&id)?;
    let link = server.link(id).await.map_err(|error| failed(&error))?;
    Ok(Json(Made { id: id.to_string(), link }))
}

async fn route(State(server): State<Arc<Server>>, Path(id): Path<String>) -> Result<Json<Travel>, Refusal> {
    let id = parse_session(&id)?;
    let views = server.views();
    let found = views.iter().flat_map(|view| &view.sessions).find(|session| session.id == id);
    let found = found.map(|session| Json(Travel { route: session.route.to_string() }));
    found.ok_or_else(|| failed(&OrderError::NoSession))
}

async fn set_route(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    body: Result<Json<Travel>, axum::extract::rejection::JsonRejection>,
) -> Result<Json<Travel>, Refusal> {
    let id = parse_session(&id)?;
    let Json(wanted) = body.map_err(|error| Refusal::new(error.status(), &error.body_text()))?;
    let route = parse_route(&wanted.route)?;
    server.set_route(id, route).await.map_err(|error| failed(&error))?;
    Ok(Json(wanted))
}

async fn end(State(server): State<Arc<Server>>, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    server.end(parse_session(&id)?).await.map_err(|error| failed(&error))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn participant(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
) -> Result<Json<Vec<Participant>>, Refusal> {
    let id: ParticipantId = id.parse().map_err(|_| {
        Refusal::new(StatusCode::BAD_REQUEST, "that is no id of a participant: it has 64 hexadecimal digits")
    })?;
    let views = server.views();
    let sessions = views.iter().flat_map(|view| &view.sessions);
    let found: Vec<Participant> = sessions
        .flat_map(|session| &session.participants)
        .filter(|participant| participant.participant == id)
        .map(Participant::from)
        .collect();
    if found.is_empty() {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "that participant is in no session of this server"));
    }
    Ok(Json(found))
}

fn parse_session(id: &str) -> Result<SessionId, Refusal> {
    let text = "that is no id of a session: it has 16 hexadecimal digits";
    let is_whole = id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    id.parse().ok().filter(|_| is_whole).ok_or_else(|| Refusal::new(StatusCode::BAD_REQUEST, text))
}

fn parse_route(text: &str) -> Result<Route, Refusal> {
    text.parse()
        .map_err(|error: RouteError| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()))
}

fn failed(error: &OrderError) -> Refusal {
    let status = match error {
        OrderError::NoSession => StatusCode::NOT_FOUND,
        OrderError::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
        OrderError::Busy | OrderError::Gone => StatusCode::SERVICE_UNAVAILABLE,
        OrderError::NotMade(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Refusal::new(status, &error.to_string())
}
