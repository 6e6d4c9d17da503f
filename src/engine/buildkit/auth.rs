//! `moby.filesync.v1.Auth`: credentials for the registries that bases come from. Only
//! `Credentials` is offered; the builder then fetches tokens with them itself.

use crate::engine::credentials::Credentials;
use bollard_buildkit_proto::moby::filesync::v1 as proto;
use bollard_buildkit_proto::moby::filesync::v1::auth_server::Auth;
use tonic::{Request, Response, Status};

pub(super) struct Logins(pub(super) Credentials);

#[tonic::async_trait]
impl Auth for Logins {
    async fn credentials(
        &self,
        request: Request<proto::CredentialsRequest>,
    ) -> Result<Response<proto::CredentialsResponse>, Status> {
        let found = self.0.find(&request.get_ref().host).await;
        let login = found.map_err(|error| Status::failed_precondition(error.to_string()))?.unwrap_or_default();
        Ok(Response::new(proto::CredentialsResponse { username: login.user, secret: login.secret }))
    }

    async fn fetch_token(
        &self,
        _: Request<proto::FetchTokenRequest>,
    ) -> Result<Response<proto::FetchTokenResponse>, Status> {
        Err(Status::unimplemented("only Credentials is served"))
    }

    async fn get_token_authority(
        &self,
        _: Request<proto::GetTokenAuthorityRequest>,
    ) -> Result<Response<proto::GetTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("only Credentials is served"))
    }

    async fn verify_token_authority(
        &self,
        _: Request<proto::VerifyTokenAuthorityRequest>,
    ) -> Result<Response<proto::VerifyTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("only Credentials is served"))
    }
}
