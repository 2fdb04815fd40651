//! A stream whose bytes are kept as they pass.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use countersign_tls::Recording;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream, and what went over it.
#[derive(Debug)]
pub struct Taped<S> {
    stream: S,
    recording: Recording,
}

impl<S> Taped<S> {
    /// Nothing has passed yet.
    pub fn new(stream: S) -> Self {
        Self { stream, recording: Recording::default() }
    }

    /// What has passed so far.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }

    /// What has passed, and no stream any more.
    pub fn into_recording(self) -> Recording {
        self.recording
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Taped<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let received = &buffer.filled()[before..];
        self.recording.receive(received);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Taped<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.recording.send(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
