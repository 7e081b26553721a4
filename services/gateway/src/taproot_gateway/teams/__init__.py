"""Teams: groups of users who share records. Membership is stated on the user."""
