//! How the city is divided: the categories readers look under, the departments that answer.

use serde::{Deserialize, Serialize};

/// A top category of life events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// Its part of paths: `kurashi`.
    pub slug: String,
    /// くらし・手続き
    pub name: String,
    /// One sentence on what is in it.
    pub description: String,
    /// Order among the categories, from 1.
    pub position: i64,
}

/// A department, with how to reach it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Department {
    /// Its part of paths: `bosai`.
    pub slug: String,
    /// 危機管理課
    pub name: String,
    /// With hyphens, as printed.
    pub telephone: String,
    /// Mail address.
    pub mail: String,
    /// 本庁舎2階
    pub place: String,
    /// Opening hours.
    pub hours: String,
    /// Order among the departments, from 1.
    pub position: i64,
}
