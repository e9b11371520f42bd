"""Where the files of firmware are: in a folder or in S3, and beside both the uploads on their way."""
