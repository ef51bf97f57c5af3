<?php
// Sends one article to Tellal, signed as Standard Webhooks. Needs PHP 7.4 or newer alone.
//
// TELLAL_SOURCE_SECRET=whsec_… php send_article.php https://tellal.example/v1/sources/SLUG/articles

$article = [
    'id' => '58150',
    'state' => 'published',
    'title' => 'Körfez için iklim eylem planı',
    'url' => 'https://www.example.bel.tr/haber/58150',
    'summary' => 'Karbon salımı azalacak.',
    'body_html' => '<p>Plan bugün kabul edildi.</p>',
];
$key = base64_decode(preg_replace('/^whsec_/', '', getenv('TELLAL_SOURCE_SECRET')));
$body = json_encode($article, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
// The same on every retry of one event, so that a repeat does nothing again, and another for every
// other event: where your CMS numbers its events or revisions, use that number.
$id = $article['id'] . '-' . substr(hash('sha256', $body), 0, 16);
$now = (string) time();
$signature = base64_encode(hash_hmac('sha256', "$id.$now.$body", $key, true));
$headers = [
    'Content-Type: application/json',
    "webhook-id: $id",
    "webhook-timestamp: $now",
    "webhook-signature: v1,$signature",
];
$options = ['method' => 'POST', 'header' => $headers, 'content' => $body];
$options += ['timeout' => 10, 'ignore_errors' => true];
for ($try = 1; ; $try++) {
    $answer = file_get_contents($argv[1], false, stream_context_create(['http' => $options]));
    $status = $answer === false ? 0 : (int) explode(' ', $http_response_header[0])[1];
    if ($try === 2 || ($status > 0 && $status < 500)) {
        break;
    }
    sleep(2);  // Tellal is restarting, or its database is away
}
echo $answer, "\n";
exit($status >= 200 && $status < 300 ? 0 : 1);
