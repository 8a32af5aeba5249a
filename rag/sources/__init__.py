"""Where reports are besides files and folders: on the web, in Zotero, in paperless."""
