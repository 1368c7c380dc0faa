"""What all pages share: style sheet, tables, figures, and the way they become one offline file."""
