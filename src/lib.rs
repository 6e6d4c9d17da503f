//! Loadline: container images from source to a cluster.
