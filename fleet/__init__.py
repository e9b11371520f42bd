"""The devices behind each restaurant's counter: tills, printer bridges, displays, cameras. A folder of apps."""
