"""The page that detects in the browser, as static files for any web server."""
