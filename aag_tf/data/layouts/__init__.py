"""What the names of folders and the rows of tables say about splits and classes; no image is opened here."""
