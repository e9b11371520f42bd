"""Files of a site: checked, cleaned, stored in a folder or in S3, and served."""
