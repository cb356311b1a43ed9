"""Attendance: entered by roster, corrected with a reason, counted for eligibility."""
