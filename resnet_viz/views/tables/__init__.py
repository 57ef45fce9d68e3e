"""Tables and text: column names to values, ready for a data frame, a CSV file or a terminal."""
