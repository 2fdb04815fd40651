//! A port on loopback: whoever comes gets a task, and dropping the port ends all of them.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// A port that is open. Dropping it closes it and cuts every connection.
pub(crate) struct Port {
    pub(crate) address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Port {
    /// Opens one; port 0 is any that is free. Each connection is served by what `serve` makes of it and of its other
    /// end's address.
    pub(crate) async fn open<F>(
        at: SocketAddr,
        serve: impl Fn(TcpStream, SocketAddr) -> F + Send + 'static,
    ) -> io::Result<Self>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(at).await?;
        let address = listener.local_addr()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    Ok((stream, from)) = listener.accept() => {
                        connections.spawn(serve(stream, from));
                    }
                    Some(_) = connections.join_next() => {}
                    else => tokio::task::yield_now().await,
                }
            }
        });
        Ok(Self { address, _tasks: tasks })
    }
}

/// Connects from this address of ours. All of 127.0.0.0/8 is ours, so that servers can tell who comes from where.
pub(crate) async fn connect_from(source: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = match source {
        IpAddr::V4(_) => TcpSocket::new_v4()?,
        IpAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.bind(SocketAddr::new(source, 0))?;
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
