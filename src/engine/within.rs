//! An engine inside a container of another engine, such as Minikube's machine with the Docker
//! runtime: the inner `docker system dial-stdio` is the connection, as it is over SSH.

use super::connector::Wire;
use super::{Address, Engine, ExecOutput, Output};
use bytes::Bytes;
use futures_util::stream::unfold;
use std::io;
use std::pin::Pin;
use tokio_util::io::StreamReader;

/// Connects to the engine in `container` of the engine at `outer`.
pub(super) fn dial<'a>(
    outer: &'a Address,
    container: &'a str,
) -> Pin<Box<dyn Future<Output = io::Result<Wire>> + Send + 'a>> {
    Box::pin(async move {
        let engine = Engine::connect(outer).await.map_err(io::Error::other)?;
        let command = ["docker", "system", "dial-stdio"];
        let (input, output) = engine.attach(container, &command).await.map_err(io::Error::other)?;
        let chunks = Box::pin(unfold(output, |mut output| async { Some((chunk(&mut output).await?, output)) }));
        Ok(Wire::new(tokio::io::join(StreamReader::new(chunks), input.into_writer())))
    })
}

/// What the inner engine sends. What the command itself says (it is not there, or nothing
/// answers it) is the cause if the connection then ends.
async fn chunk(output: &mut ExecOutput) -> Option<io::Result<Bytes>> {
    match output.next().await? {
        Ok(Output::Out(bytes)) => Some(Ok(bytes)),
        Ok(Output::Err(bytes)) => {
            let said = String::from_utf8_lossy(&bytes).trim().to_owned();
            Some(Err(io::Error::other(format!("`docker system dial-stdio`: {said}"))))
        }
        Err(error) => Some(Err(io::Error::other(error))),
    }
}
