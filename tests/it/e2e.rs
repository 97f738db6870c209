//! End to end: the real program against the real kube-apiserver and moto, each test in a namespace, an AWS account and with a
//! controller process of its own.
//!
//! `World` is one such set. `Proxy` stands before moto, records every AWS call and makes those fail that a test says. `Account`
//! looks at AWS, and meddles with it, with none of the program's code in between.

mod access;
mod account;
mod attacks;
mod bad_input;
mod bindings;
mod cli;
mod controller;
mod converge;
mod crash;
mod deletion;
mod drift;
mod ec2;
mod every_field;
mod faults;
mod fields;
mod gate;
mod grants;
mod holdings;
mod http;
mod image;
mod leader;
mod lease;
mod leftovers;
mod manifests;
mod neighbours;
mod operations;
mod outages;
mod ownership;
mod parts;
mod pipelines;
mod proxy;
mod pull_network;
mod registry;
mod registry_credentials;
mod revisions;
mod roles;
mod rows;
mod scale;
mod secrecy;
mod services;
mod settings;
mod verify;
mod vpc;
mod waits;
mod world;
