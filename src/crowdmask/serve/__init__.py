"""The service: the application, its resources, and its pages."""
