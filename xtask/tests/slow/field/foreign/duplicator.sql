/* DUPLICATOR-LITE (PHP BUILD MODE) MYSQL SCRIPT CREATED ON : 2026-11-20 10:00:00 */

/*!40101 SET NAMES utf8mb4 */;

SET FOREIGN_KEY_CHECKS = 0;

/* TABLE: wp_posts */
CREATE TABLE `wp_posts` (
  `ID` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `post_date` datetime NOT NULL DEFAULT '0000-00-00 00:00:00',
  `post_title` text COLLATE utf8mb4_unicode_520_ci NOT NULL,
  PRIMARY KEY (`ID`),
  KEY `post_date` (`post_date`,`ID`)
) ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;

/* INSERT TABLE DATA: wp_posts */
INSERT INTO `wp_posts` VALUES("1", "2026-01-02 03:04:05", "Hello \"world\"; it's \\ me\n🙂");
INSERT INTO `wp_posts` VALUES("4", "0000-00-00 00:00:00", "");

SET FOREIGN_KEY_CHECKS = 1; 

/* Duplicator WordPress Timestamp: 2026-11-20 10:00:00*/
/* DUPLICATOR_MYSQLDUMP_EOF */
