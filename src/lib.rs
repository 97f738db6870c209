//! Wharfinger: container images from private registries, made runnable on Amazon ECS and AWS Batch.

pub mod api;
pub mod apply;
pub mod aws;
pub mod cli;
pub mod controller;
pub mod converge;
pub mod desired;
pub mod failure;
pub mod inputs;
pub mod interval;
pub mod metrics;
pub mod observe;
pub mod observed;
pub mod pass;
pub mod plan;
pub mod problem;
pub mod resource;
pub mod serve;
pub mod status;
pub mod target;
