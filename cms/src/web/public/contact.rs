//! How to reach a department, as templates show it.

use super::frame::department_path;
use crate::domain::Department;

/// The contact block.
#[derive(Clone, Debug)]
pub struct Contact {
    /// The department's own page.
    pub href: String,
    /// Its name.
    pub name: String,
    /// With hyphens, as printed.
    pub telephone: String,
    /// Mail address.
    pub mail: String,
    /// Floor and building.
    pub place: String,
    /// Opening hours.
    pub hours: String,
}

impl From<Department> for Contact {
    fn from(department: Department) -> Self {
        Self {
            href: department_path(&department.slug),
            name: department.name,
            telephone: department.telephone,
            mail: department.mail,
            place: department.place,
            hours: department.hours,
        }
    }
}
