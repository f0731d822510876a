//! Categories and departments.

use super::{Change, Store, rows};
use crate::domain::{Category, Department};
use crate::error::CmsError;

impl Store {
    /// Every category, in order.
    ///
    /// # Errors
    /// The database failed.
    pub async fn categories(&self) -> Result<Vec<Category>, CmsError> {
        let found = sqlx::query("SELECT * FROM categories ORDER BY position")
            .fetch_all(&self.readers)
            .await?;
        found.iter().map(rows::category).collect()
    }

    /// The category of that slug.
    ///
    /// # Errors
    /// The database failed.
    pub async fn category(&self, slug: &str) -> Result<Option<Category>, CmsError> {
        let query = sqlx::query("SELECT * FROM categories WHERE slug = $1").bind(slug.to_owned());
        query
            .fetch_optional(&self.readers)
            .await?
            .as_ref()
            .map(rows::category)
            .transpose()
    }

    /// Every department, in order.
    ///
    /// # Errors
    /// The database failed.
    pub async fn departments(&self) -> Result<Vec<Department>, CmsError> {
        let found = sqlx::query("SELECT * FROM departments ORDER BY position")
            .fetch_all(&self.readers)
            .await?;
        found.iter().map(rows::department).collect()
    }

    /// The department of that slug.
    ///
    /// # Errors
    /// The database failed.
    pub async fn department(&self, slug: &str) -> Result<Option<Department>, CmsError> {
        let query = sqlx::query("SELECT * FROM departments WHERE slug = $1").bind(slug.to_owned());
        query
            .fetch_optional(&self.readers)
            .await?
            .as_ref()
            .map(rows::department)
            .transpose()
    }
}

/// Adds a category.
pub(crate) async fn insert_category(
    change: &mut Change,
    category: &Category,
) -> Result<(), CmsError> {
    sqlx::query(
        "INSERT INTO categories (slug, name, description, position) VALUES ($1, $2, $3, $4)",
    )
    .bind(category.slug.clone())
    .bind(category.name.clone())
    .bind(category.description.clone())
    .bind(category.position)
    .execute(&mut **change)
    .await?;
    Ok(())
}

/// Adds a department.
pub(crate) async fn insert_department(
    change: &mut Change,
    department: &Department,
) -> Result<(), CmsError> {
    sqlx::query(
        "INSERT INTO departments (slug, name, telephone, mail, place, hours, position) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(department.slug.clone())
    .bind(department.name.clone())
    .bind(department.telephone.clone())
    .bind(department.mail.clone())
    .bind(department.place.clone())
    .bind(department.hours.clone())
    .bind(department.position)
    .execute(&mut **change)
    .await?;
    Ok(())
}
