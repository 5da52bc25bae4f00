//! The PostgreSQL protocol: what pgwire asks of a server.

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use futures::{Sink, stream};
use pgwire::{
    api::{
        ClientInfo, ClientPortalStore, ConnectionManager, PgWireServerHandlers, Type,
        auth::{StartupHandler, noop::NoopStartupHandler},
        cancel::{CancelHandler, DefaultCancelHandler},
        portal::{Format, Portal},
        query::{ExtendedQueryHandler, SimpleQueryHandler},
        results::{FieldInfo, QueryResponse, Response, Tag},
        stmt::QueryParser,
        store::PortalStore,
    },
    error::{PgWireError, PgWireResult},
    messages::{PgWireBackendMessage, PgWireFrontendMessage, response::TransactionStatus},
};
use rusqlite::types::Value;

use super::{
    command::Command,
    error::{ABORTED, SYNTAX, SqlError},
    session::{Session, Store},
    statement::{Action, Statement, pieces},
    types::{self, RowWriter},
};

/// Answers one connection.
#[derive(Debug)]
pub(super) struct Handler {
    store: Arc<Store>,
    connections: Arc<ConnectionManager>,
}

/// What [`pgwire::tokio::process_socket`] needs.
#[derive(Debug, Clone)]
pub(super) struct Handlers(Arc<Handler>);

impl Handlers {
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self(Arc::new(Handler { store, connections: Arc::new(ConnectionManager::new()) }))
    }
}

impl PgWireServerHandlers for Handlers {
    fn startup_handler(&self) -> Arc<impl StartupHandler> {
        Arc::clone(&self.0)
    }

    fn simple_query_handler(&self) -> Arc<impl SimpleQueryHandler> {
        Arc::clone(&self.0)
    }

    fn extended_query_handler(&self) -> Arc<impl ExtendedQueryHandler> {
        Arc::clone(&self.0)
    }

    fn cancel_handler(&self) -> Arc<impl CancelHandler> {
        Arc::new(DefaultCancelHandler::new(Arc::clone(&self.0.connections)))
    }
}

#[async_trait]
impl NoopStartupHandler for Handler {
    fn connection_manager(&self) -> Option<Arc<ConnectionManager>> {
        Some(Arc::clone(&self.connections))
    }

    async fn post_startup<C>(&self, client: &mut C, _message: PgWireFrontendMessage) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let session = Session::open(&self.store).await?;
        client.session_extensions().insert(session);
        Ok(())
    }
}

/// The session of a connection that has started.
fn session<C: ClientInfo>(client: &C) -> PgWireResult<Arc<Session>> {
    client.session_extensions().get::<Session>().ok_or(PgWireError::NotReadyForQuery)
}

impl Handler {
    /// Runs one statement and says what the client is to be told.
    async fn run<C: ClientInfo>(
        client: &mut C,
        session: &Session,
        statement: &Statement,
        values: Vec<Value>,
        format: &Format,
    ) -> PgWireResult<Response> {
        let failed = client.transaction_status() == TransactionStatus::Error;
        if let Action::Session(command) = &statement.action {
            return Self::command(client, session, statement, command, format, failed).await;
        }
        if failed {
            return Err(aborted().into());
        }
        let fields = Arc::new(types::fields(&statement.columns, format));
        let answer = session.run(statement, values, Arc::clone(&fields)).await?;
        if !statement.columns.is_empty() {
            let rows = stream::iter(answer.rows.into_iter().map(Ok));
            let mut response = QueryResponse::new(fields, rows);
            response.set_command_tag(&row_tag(&statement.tag));
            return Ok(Response::Query(response));
        }
        let tag = match statement.tag.as_str() {
            "INSERT" => Tag::new("INSERT").with_oid(0).with_rows(answer.affected),
            tag @ ("UPDATE" | "DELETE") => Tag::new(tag).with_rows(answer.affected),
            tag => Tag::new(tag),
        };
        Ok(Response::Execution(tag))
    }

    async fn command<C: ClientInfo>(
        client: &mut C,
        session: &Session,
        statement: &Statement,
        command: &Command,
        format: &Format,
        failed: bool,
    ) -> PgWireResult<Response> {
        if failed {
            if !command.ends_transaction() {
                return Err(aborted().into());
            }
            // A transaction that has failed can only be undone, whatever is asked.
            session.command(&Command::Rollback).await?;
            return Ok(Response::TransactionEnd(Tag::new("ROLLBACK")));
        }
        let shown = match session.command(command).await {
            Ok(shown) => shown,
            Err(error) => {
                if command.ends_transaction() {
                    // A COMMIT that fails ends its transaction all the same.
                    client.set_transaction_status(TransactionStatus::Idle);
                }
                return Err(error.into());
            }
        };
        let tag = Tag::new(&statement.tag);
        Ok(match (command, shown) {
            (Command::Begin, _) => Response::TransactionStart(tag),
            (Command::Commit | Command::Rollback | Command::DiscardAll, _) => Response::TransactionEnd(tag),
            (_, Some(value)) => {
                let fields = Arc::new(types::fields(&statement.columns, format));
                let row = RowWriter::new(Arc::clone(&fields)).texts(&[&value])?;
                let mut response = QueryResponse::new(fields, stream::iter([Ok(row)]));
                response.set_command_tag("SHOW");
                Response::Query(response)
            }
            (_, None) => Response::Execution(tag),
        })
    }
}

fn aborted() -> SqlError {
    SqlError::new(ABORTED, "current transaction is aborted, commands ignored until end of transaction block")
}

/// `INSERT … RETURNING` is told as `INSERT 0 1`; pgwire adds the number of rows.
fn row_tag(tag: &str) -> String {
    if tag == "INSERT" { "INSERT 0".to_owned() } else { tag.to_owned() }
}

#[async_trait]
impl SimpleQueryHandler for Handler {
    async fn do_query<C>(&self, client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let session = session(client)?;
        let pieces = pieces(query)?;
        // Several statements without a transaction of their own are one.
        let implicit = pieces.len() > 1
            && !session.in_transaction()
            && pieces.iter().all(|piece| matches!(piece.command(), Ok(None)));
        if implicit {
            session.command(&Command::Begin).await?;
        }
        let mut responses = Vec::new();
        for piece in pieces {
            let ran = async {
                let statement = session.prepare(piece).await?;
                if !statement.parameters.is_empty() {
                    return Err(SqlError::new("42P02", "there is no parameter $1").into());
                }
                Self::run(client, &session, &statement, Vec::new(), &Format::UnifiedText).await
            };
            match ran.await {
                Ok(response) => {
                    // BEGIN and COMMIT within one text: later statements must know.
                    let moved = match &response {
                        Response::TransactionStart(_) => Some(TransactionStatus::Transaction),
                        Response::TransactionEnd(_) => Some(TransactionStatus::Idle),
                        _ => None,
                    };
                    if let Some(status) = moved {
                        client.set_transaction_status(status);
                    }
                    responses.push(response);
                }
                Err(error) => {
                    if implicit {
                        session.command(&Command::Rollback).await?;
                    }
                    return Err(error);
                }
            }
        }
        if implicit {
            session.command(&Command::Commit).await?;
        }
        Ok(responses)
    }
}

#[async_trait]
impl QueryParser for Handler {
    type Statement = Arc<Statement>;

    async fn parse_sql<C>(
        &self,
        client: &C,
        sql: &str,
        types: &[Option<Type>],
    ) -> PgWireResult<Option<Arc<Statement>>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let session = session(client)?;
        let mut pieces = pieces(sql)?;
        if pieces.len() > 1 {
            let message = "cannot insert multiple commands into a prepared statement";
            return Err(SqlError::new(SYNTAX, message).into());
        }
        let Some(piece) = pieces.pop() else { return Ok(None) };
        let mut statement = session.prepare(piece).await?;
        // What the client says goes before what was inferred.
        for (own, said) in statement.parameters.iter_mut().zip(types) {
            if let Some(said) = said.as_ref().filter(|said| **said != Type::UNKNOWN) {
                *own = said.clone();
            }
        }
        Ok(Some(Arc::new(statement)))
    }

    fn get_parameter_types(&self, statement: &Arc<Statement>) -> PgWireResult<Vec<Type>> {
        Ok(statement.parameters.clone())
    }

    fn get_result_schema(
        &self,
        statement: &Arc<Statement>,
        format: Option<&Format>,
    ) -> PgWireResult<Vec<FieldInfo>> {
        Ok(types::fields(&statement.columns, format.unwrap_or(&Format::UnifiedText)))
    }
}

#[async_trait]
impl ExtendedQueryHandler for Handler {
    type Statement = Arc<Statement>;
    type QueryParser = Self;

    fn query_parser(&self) -> Arc<Self> {
        Arc::new(Self { store: Arc::clone(&self.store), connections: Arc::clone(&self.connections) })
    }

    async fn do_query<C>(
        &self,
        client: &mut C,
        portal: &Portal<Arc<Statement>>,
        _max_rows: usize,
    ) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Arc<Statement>>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let session = session(client)?;
        let statement = &portal.statement.statement;
        let values = types::parameters(portal, &statement.parameters)?;
        Self::run(client, &session, statement, values, &portal.result_column_format).await
    }
}
