//! What an engine of ours and its clients need to speak TLS: a CA of their own, the engine's
//! certificate and a client's, under the names that the docker CLI expects.

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

pub const CA: &str = "ca.pem";
pub const SERVER: (&str, &str) = ("server-cert.pem", "server-key.pem");
const CLIENT: (&str, &str) = ("cert.pem", "key.pem");

/// The directory with the certificates for an engine that listens at `address`, made if they are not there.
pub fn ensure(home: &Path, address: IpAddr) -> Result<PathBuf> {
    let directory = home.join(format!("tls-{address}"));
    if !directory.exists() {
        // Whole or not at all: an engine with half of them does not start.
        let fresh = directory.with_extension("new");
        make(&fresh, address).with_context(|| format!("making certificates in `{}`", fresh.display()))?;
        fs::rename(&fresh, &directory).with_context(|| format!("moving certificates to `{}`", directory.display()))?;
    }
    Ok(directory)
}

fn make(directory: &Path, address: IpAddr) -> Result<()> {
    fs::create_dir_all(directory)?;
    let key = KeyPair::generate()?;
    let mut authority = named("Loadline's test CA", vec![])?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    fs::write(directory.join(CA), authority.self_signed(&key)?.pem())?;
    let issuer = Issuer::new(authority, key);
    let names = vec![address.to_string(), "loadline-engine".to_owned()];
    sign(directory, SERVER, named("engine", names)?, ExtendedKeyUsagePurpose::ServerAuth, &issuer)?;
    sign(directory, CLIENT, named("client", vec![])?, ExtendedKeyUsagePurpose::ClientAuth, &issuer)
}

fn named(name: &str, addresses: Vec<String>) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(addresses)?;
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

fn sign(
    directory: &Path,
    (cert, private): (&str, &str),
    mut params: CertificateParams,
    usage: ExtendedKeyUsagePurpose,
    issuer: &Issuer<'_, KeyPair>,
) -> Result<()> {
    params.extended_key_usages = vec![usage];
    let key = KeyPair::generate()?;
    fs::write(directory.join(cert), params.signed_by(&key, issuer)?.pem())?;
    let private = directory.join(private);
    fs::write(&private, key.serialize_pem())?;
    only_for_owner(&private)
}

fn only_for_owner(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o600))?)
}
