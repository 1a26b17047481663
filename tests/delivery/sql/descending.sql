SELECT number
FROM (
    SELECT number, max(number) OVER (ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS highest
    FROM handled
)
WHERE number <= ?1 AND number < highest
