"""What a run or a sweep would do and cost, found out before anything is spent."""
