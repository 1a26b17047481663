WITH RECURSIVE wanted(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM wanted WHERE number < ?1)
SELECT number FROM wanted WHERE number <= ?1 AND number NOT IN (SELECT number FROM handled)
