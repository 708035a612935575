//! One connection.

use crate::gate::Gate;
use hyper_util::client::legacy::connect::{Connected, Connection};
use std::{
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection.
#[derive(Debug)]
pub struct Stream {
    kind: Kind,
    gate: Option<Gate>,
}

#[derive(Debug)]
enum Kind {
    Machine(tokio::net::TcpStream),
    Simulated(turmoil::net::TcpStream),
}

impl From<tokio::net::TcpStream> for Stream {
    fn from(stream: tokio::net::TcpStream) -> Self {
        Stream { kind: Kind::Machine(stream), gate: None }
    }
}

impl From<turmoil::net::TcpStream> for Stream {
    fn from(stream: turmoil::net::TcpStream) -> Self {
        Stream { kind: Kind::Simulated(stream), gate: None }
    }
}

impl Stream {
    /// Opens a connection.
    ///
    /// # Errors
    /// When nobody listens there, or the system refuses.
    pub async fn connect(address: SocketAddr) -> io::Result<Stream> {
        if turmoil::in_simulation() {
            return Ok(turmoil::net::TcpStream::connect(address).await?.into());
        }
        let stream = tokio::net::TcpStream::connect(address).await?;
        // Small requests must not wait for an acknowledgement; a socket that refuses is only slower.
        let _ = stream.set_nodelay(true);
        Ok(stream.into())
    }

    pub(super) fn behind(self, gate: Option<Gate>) -> Self {
        Stream { gate, ..self }
    }

    /// Makes the end of this connection a reset instead of an orderly one. A simulated one has no such thing: its
    /// peer sees it end in the midst of an answer.
    pub fn end_with_reset(&self) {
        if let Kind::Machine(stream) = &self.kind {
            let _ = stream.set_zero_linger(); // an orderly end is all that is left
        }
    }

    fn poll_gate(&self, context: &mut Context<'_>) -> Poll<()> {
        self.gate.as_ref().map_or(Poll::Ready(()), |gate| gate.poll_open(context))
    }
}

/// Hands a call over to the stream below.
macro_rules! below {
    ($self:ident, $stream:ident => $call:expr) => {
        match &mut $self.get_mut().kind {
            Kind::Machine(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Kind::Simulated(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_gate(context));
        below!(self, stream => stream.poll_read(context, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_gate(context));
        below!(self, stream => stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_gate(context));
        below!(self, stream => stream.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.kind {
            Kind::Machine(stream) => stream.is_write_vectored(),
            Kind::Simulated(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        below!(self, stream => stream.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_gate(context));
        below!(self, stream => stream.poll_shutdown(context))
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}
