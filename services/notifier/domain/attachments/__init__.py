"""What a mail carries beside its words: findings as a spreadsheet, as CSV for machines, and as reports in XARF."""
