//! `moby.buildkit.secrets.v1.Secrets`: values that a step may mount while it runs.

use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_server::Secrets;
use bollard_buildkit_proto::moby::buildkit::secrets::v1::{GetSecretRequest, GetSecretResponse};
use std::collections::HashMap;
use std::fmt;
use tonic::{Request, Response, Status};

/// Secrets of one build, by id. Their values appear in no output of ours, `Debug` included.
#[derive(Clone, Default)]
pub struct SecretValues(HashMap<String, Vec<u8>>);

impl SecretValues {
    /// Adds the secret `id`.
    pub fn insert(&mut self, id: impl Into<String>, value: Vec<u8>) {
        self.0.insert(id.into(), value);
    }
}

impl fmt::Debug for SecretValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[tonic::async_trait]
impl Secrets for SecretValues {
    async fn get_secret(&self, request: Request<GetSecretRequest>) -> Result<Response<GetSecretResponse>, Status> {
        let id = &request.get_ref().id;
        match self.0.get(id) {
            Some(value) => Ok(Response::new(GetSecretResponse { data: value.clone() })),
            // BuildKit takes `NotFound` as "absent", which an optional mount allows.
            None => Err(Status::not_found(format!("secret {id} was not given"))),
        }
    }
}
